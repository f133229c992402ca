package dev.loupe.cluster.spark;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Stands where Spark's driver and executors stand: takes tasks over the same connection and hands them to real child
 * processes. What it leaves out is Spark itself.
 */
public final class PretendSpark implements AutoCloseable {
    private static final String TOKEN = "secret";

    private final ServerSocket server;
    private final Launch launch;
    private final int children;
    private final ExecutorService pool;
    private final List<String> machine;
    private final AtomicInteger killNext = new AtomicInteger();
    private volatile Map<String, String> settings = Map.of();
    private volatile List<String> joins = List.of();
    private volatile String verdicts = "";
    private volatile boolean alone = true;
    private final List<String> titles = Collections.synchronizedList(new ArrayList<>());
    private volatile String needs = "";

    /**
     * Listens.
     *
     * @param machine what its executor says of itself from the version of Java on
     */
    public PretendSpark(Launch launch, int children, List<String> machine) throws IOException {
        this.server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        this.launch = launch;
        this.children = children;
        this.machine = machine;
        this.pool = Executors.newFixedThreadPool(children);
        Thread.ofPlatform().daemon().start(this::serve);
    }

    /** What a process below spark-submit finds in its environment. */
    public Map<String, String> environment() {
        return Map.of(SparkDriver.PORT, Integer.toString(server.getLocalPort()), SparkDriver.TOKEN, TOKEN);
    }

    /** Kills so many children in the middle of their next tasks. */
    public void kill(int tasks) {
        killNext.set(tasks);
    }

    /** Settings of Spark that hold for the next application. */
    public void settings(Map<String, String> of) {
        settings = of;
    }

    /** What an executor says of itself, from the version of Java on, that joins at the first task. */
    public void joins(List<String> later) {
        joins = later;
    }

    /** What tasks are called that were given out, by all commands. */
    public List<String> titles() {
        return List.copyOf(titles);
    }

    /** The file that the last command wanted executors to see. */
    public String needs() {
        return needs;
    }

    /** Whether the next application gets an executor at all. */
    public void executors(boolean any) {
        alone = any;
    }

    /** Why executors were refused, a line each. */
    public String verdicts() {
        return verdicts;
    }

    /** Serves one command after the other, with the same children. */
    private void serve() {
        while (!server.isClosed()) {
            serveOne();
        }
    }

    private void serveOne() {
        String probe = "";
        try (Wire wire = new Wire(server.accept())) {
            if (!wire.receive().text().equals(TOKEN)) {
                return;
            }
            wire.send(Wire.READY, 0, new Ready("4.2.0", "", settings).text());
            while (true) {
                Wire.Frame frame = wire.receive();
                if (frame.kind() == Wire.SETUP) {
                    String path = frame.text().substring(0, frame.text().indexOf('\n'));
                    probe = path.substring(path.lastIndexOf('/') + 1);
                    needs = Setup.of(frame.text()).launch().needs();
                    if (alone) {
                        executor(wire, "0", "here", machine, probe);
                    }
                } else if (frame.kind() == Wire.VERDICT) {
                    verdicts += frame.text().substring(frame.text().indexOf('\n') + 1);
                } else if (frame.kind() == Wire.TASK) {
                    if (!joins.isEmpty()) {
                        executor(wire, "1", "there", joins, probe);
                        joins = List.of();
                    }
                    titles.add(frame.text().lines().findFirst().orElse(""));
                    pool.execute(() -> run(wire, frame));
                }
            }
        } catch (IOException gone) {
            // the command has ended
        }
    }

    private void executor(Wire wire, String name, String host, List<String> says, String probe) throws IOException {
        wire.send(Wire.CORES, children, name);
        wire.send(
                Wire.EXECUTOR,
                0,
                name + "\n" + host + "\n" + String.join("\n", says).replace("PROBE", probe));
    }

    private void run(Wire wire, Wire.Frame frame) {
        String request = frame.text().substring(frame.text().lastIndexOf('\n') + 1);
        try {
            for (int attempt = 0; attempt < 4; attempt++) {
                Child child = Child.take(launch, "", 1);
                boolean whole = false;
                AtomicBoolean killed = new AtomicBoolean();
                try {
                    String line = child.run(request, event -> {
                        if (killNext.getAndUpdate(n -> Math.max(0, n - 1)) > 0) {
                            killed.set(true);
                            child.end();
                        }
                        send(wire, frame.task(), event);
                    });
                    if (killed.get()) { // it was in the pipe already
                        throw new IOException(Child.sentence(137, ""));
                    }
                    if (line.charAt(0) == ChildTask.RETRY) {
                        throw new IOException(line.substring(1));
                    }
                    whole = true;
                    wire.send(
                            line.charAt(0) == ChildTask.DONE ? Wire.RESULT : Wire.FAILED,
                            frame.task(),
                            line.substring(1));
                    return;
                } catch (IOException | InterruptedException e) {
                    wire.send(Wire.ATTEMPT, 0, "here\n" + e);
                    if (attempt == 3) {
                        wire.send(Wire.LOST, frame.task(), e.toString());
                    }
                } finally {
                    if (whole) {
                        child.giveBack();
                    } else {
                        child.end();
                    }
                }
            }
        } catch (IOException gone) {
            // the test has ended
        }
    }

    private static void send(Wire wire, long task, String event) {
        try {
            wire.send(Wire.EVENT, task, "0 " + event);
        } catch (IOException gone) {
            // the test has ended
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
        pool.shutdownNow();
        Child.endAll();
    }
}
