package dev.loupe.cluster.spark;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

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
    private volatile int killNext;

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
        killNext = tasks;
    }

    /** Serves one command after the other, with the same children. */
    private void serve() {
        while (!server.isClosed()) {
            serveOne();
        }
    }

    private void serveOne() {
        try (Wire wire = new Wire(server.accept())) {
            if (!wire.receive().text().equals(TOKEN)) {
                return;
            }
            wire.send(Wire.READY, 0, "4.2.0\n\napp");
            while (true) {
                Wire.Frame frame = wire.receive();
                if (frame.kind() == Wire.SETUP) {
                    wire.send(Wire.CORES, children, "0");
                    String probe = frame.text().substring(0, frame.text().indexOf('\n'));
                    String name = probe.substring(probe.lastIndexOf('/') + 1);
                    wire.send(
                            Wire.EXECUTOR,
                            0,
                            "0\nhere\n" + String.join("\n", machine).replace("PROBE", name));
                } else if (frame.kind() == Wire.TASK) {
                    pool.execute(() -> run(wire, frame));
                }
            }
        } catch (IOException gone) {
            // the command has ended
        }
    }

    private void run(Wire wire, Wire.Frame frame) {
        String request = frame.text().substring(frame.text().lastIndexOf('\n') + 1);
        try {
            for (int attempt = 0; attempt < 4; attempt++) {
                Child child = Child.take(launch, "", 1);
                boolean whole = false;
                try {
                    String line = child.run(request, event -> {
                        if (killNext > 0) {
                            killNext--;
                            child.end();
                        }
                        send(wire, frame.task(), event);
                    });
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
