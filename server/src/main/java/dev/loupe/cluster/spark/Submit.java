package dev.loupe.cluster.spark;

import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.apache.spark.SparkConf;

/**
 * Loupe as an application of {@code spark-submit}: everything that Spark's users set there holds. Starts the command in a
 * process beside the driver and gives it this driver as its cluster:
 * {@code spark-submit --master M --class dev.loupe.cluster.spark.Submit JAR capture …}. The program loupe is found by
 * {@code LOUPE_HOME} or in the working folder's {@code loupe/}.
 */
public final class Submit {
    /** Names the folder of Loupe on this machine. */
    private static final String HOME = "LOUPE_HOME";

    private Submit() {}

    /** Runs a command of Loupe and ends with its exit code. */
    public static void main(String[] args) throws IOException, InterruptedException {
        if (new SparkConf().get("spark.submit.deployMode", "client").equals("cluster")) {
            System.err.println("spark.submit.deployMode=cluster (--deploy-mode cluster) would run Loupe far from this"
                    + " machine's files: submit it with --deploy-mode client.");
            System.exit(2);
        }
        String home = System.getenv(HOME);
        File program = new File(home == null ? "loupe" : home, "loupe").getAbsoluteFile();
        if (!program.isFile()) {
            System.err.println(
                    "There is no program " + program + ": set LOUPE_HOME to Loupe's folder on this machine.");
            System.exit(2);
        }
        byte[] secret = new byte[16];
        new SecureRandom().nextBytes(secret);
        String token = HexFormat.of().formatHex(secret);
        int code;
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            List<String> command = new ArrayList<>(List.of("bash", program.getPath()));
            command.addAll(Arrays.asList(args));
            ProcessBuilder builder = new ProcessBuilder(command).inheritIO();
            builder.environment().put("LOUPE_ON", "submitted");
            builder.environment().put(SparkDriver.PORT, Integer.toString(server.getLocalPort()));
            builder.environment().put(SparkDriver.TOKEN, token);
            Process process = builder.start();
            process.onExit().thenRun(() -> close(server)); // it may end without ever asking for the cluster
            try (Wire wire = new Wire(server.accept())) {
                if (!token.equals(wire.receive().text())) {
                    throw new IOException("another process than Loupe has connected");
                }
                SparkDriver.serve(wire);
            } catch (IOException e) {
                if (process.isAlive()) {
                    System.err.println("The connection to Loupe failed: " + e.getMessage());
                }
            }
            code = process.waitFor();
        }
        System.exit(code);
    }

    private static void close(ServerSocket server) {
        try {
            server.close();
        } catch (IOException e) {
            // it is closed then
        }
    }
}
