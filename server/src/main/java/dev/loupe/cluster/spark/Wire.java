package dev.loupe.cluster.spark;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** Frames between Loupe and the Spark driver that it started: a kind, the number of a task, a text. */
public final class Wire implements Closeable {
    /** To Spark: a task to do. */
    public static final byte TASK = 1;
    /** To Spark: stop all tasks. */
    public static final byte CANCEL = 2;
    /** To Spark: how executors start Loupe and what they must see. */
    public static final byte SETUP = 11;
    /** From Spark: an executor is there; the number is that of its cores. */
    public static final byte CORES = 12;
    /** From Spark: the secret that shows who calls. */
    public static final byte HELLO = 3;
    /** From Spark: the context is there; see {@link Ready}. */
    public static final byte READY = 4;
    /** From Spark: what an executor says of itself when it begins. */
    public static final byte EXECUTOR = 5;
    /** From Spark: an event of a running task, as its child process wrote it. */
    public static final byte EVENT = 6;
    /** From Spark: the result of a task. */
    public static final byte RESULT = 7;
    /** From Spark: a task failed in a way that no other machine would mend. */
    public static final byte FAILED = 8;
    /** From Spark: a task failed on every attempt, or Spark itself did: with {@link #WHOLE} in front in a sentence of its own. */
    public static final byte LOST = 9;
    /** What is said instead of a reason where Spark's log alone has one. */
    public static final String ENDED = "the cluster has ended the application";

    /** From Spark: an executor was lost; its name, and why. */
    public static final byte GONE = 10;

    /** To Spark: put a finished folder of the workspace into the storage; answered by a result or a failure. */
    public static final byte KEEP = 13;
    /** To Spark: bring a folder from the storage into the workspace; the result says whether there is one. */
    public static final byte FETCH = 14;

    /** To Spark: claim names in the storage, joined by tabs, that are going to be written; answered like {@link #KEEP}. */
    public static final byte CLAIM = 15;
    /** To Spark: give such names back; answered as well. */
    public static final byte RELEASE = 16;

    /** To Spark: whether an executor may work: its name, and in the second line why not, empty if it may. */
    public static final byte VERDICT = 17;
    /** From Spark: an attempt of a task failed; where in the first line, then why. */
    public static final byte ATTEMPT = 18;

    /** From Spark: why pods of executors do not start, when that changes; empty if none waits for anything. */
    public static final byte PODS = 19;

    /** Begins the text of {@link #LOST} where it is a whole sentence. */
    public static final String WHOLE = "!";

    private static final int MOST = 1 << 28;

    private final Socket socket;
    private final DataInputStream in;
    private final DataOutputStream out;

    /**
     * One frame.
     *
     * @param kind one of the constants above
     * @param task number of the task that it is about
     * @param text what it says, as its kind has it
     */
    public record Frame(byte kind, long task, String text) {}

    /** Over a connection. */
    public Wire(Socket socket) throws IOException {
        this.socket = socket;
        socket.setTcpNoDelay(true);
        this.in = new DataInputStream(new BufferedInputStream(socket.getInputStream()));
        this.out = new DataOutputStream(new BufferedOutputStream(socket.getOutputStream()));
    }

    /** Sends a frame. */
    public void send(byte kind, long task, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        synchronized (out) {
            out.writeByte(kind);
            out.writeLong(task);
            out.writeInt(bytes.length);
            out.write(bytes);
            out.flush();
        }
    }

    /** Waits for a frame; an {@link java.io.EOFException} when the other side has gone. */
    public Frame receive() throws IOException {
        byte kind = in.readByte();
        long task = in.readLong();
        int length = in.readInt();
        if (length < 0 || length > MOST) {
            throw new IOException("a frame of " + length + " bytes");
        }
        return new Frame(kind, task, new String(in.readNBytes(length), StandardCharsets.UTF_8));
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
