package dev.loupe.cluster.spark;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What the driver tells of its end, and in which order. */
class SparkDriverTest {
    @Test
    void what_went_wrong_is_told_before_spark_ends() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                Wire driver = new Wire(new Socket(server.getInetAddress(), server.getLocalPort()))) {
            CompletableFuture<Void> ended = new CompletableFuture<>();
            Closeable spark = () -> { // as Spark does it, by a listener
                ended.complete(null);
                driver.send(Wire.LOST, 0, Wire.ENDED);
            };
            CompletableFuture<Void> served = CompletableFuture.runAsync(() -> {
                try {
                    SparkDriver.serve(
                            () -> spark,
                            s -> {
                                throw new IllegalStateException("Spark has no classes for s3a://");
                            },
                            driver);
                } catch (IOException gone) {
                    // the end of Spark, which nobody reads any more
                }
            });
            try (Wire loupe = new Wire(server.accept())) {
                assertThat(loupe.receive()).isEqualTo(new Wire.Frame(Wire.LOST, 0, "Spark has no classes for s3a://"));
                assertThat(ended).as("until Loupe has read it").isNotDone();
            }
            served.get(30, TimeUnit.SECONDS);
            assertThat(ended).as("Spark gives its executors back").isDone();
        }
    }
}
