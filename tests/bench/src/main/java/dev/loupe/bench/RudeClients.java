package dev.loupe.bench;

import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import java.util.concurrent.atomic.LongAdder;

/** Clients that ask for much and break off, read nothing, send half a request, or read a letter at a time. */
final class RudeClients {
    private static final String MUCH =
            "{\"prompt\": \"a\", \"max_tokens\": 400, \"temperature\": 1, \"n\": 4, \"seed\": 1, \"stream\": true}";
    private static final int PAUSE_MILLIS = 200;

    private final int port;
    private final Timings timings;
    private final LongAdder left = new LongAdder();

    RudeClients(String url, Timings timings) {
        this.port = URI.create(url).getPort();
        this.timings = timings;
    }

    /** How many have come and gone. */
    long left() {
        return left.sum();
    }

    /** One after the other, each rude in its way. */
    void until(long end) {
        Random random = new Random(7);
        while (System.nanoTime() < end) {
            try {
                one(random);
                left.increment();
                Thread.sleep(PAUSE_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            } catch (IOException e) {
                timings.failed("rude client", e);
            }
        }
    }

    private void one(Random random) throws IOException, InterruptedException {
        try (Socket socket = new Socket("127.0.0.1", port)) {
            switch (random.nextInt(5)) {
                case 0 -> send(socket, "POST /v1/completions", MUCH, MUCH.length()); // gone at once
                case 1 -> { // reads nothing
                    send(socket, "POST /v1/completions", MUCH, MUCH.length());
                    Thread.sleep(2 * PAUSE_MILLIS);
                }
                case 2 -> { // says that it has said all, as a client that is about to go
                    send(socket, "POST /v1/completions", MUCH, MUCH.length());
                    socket.shutdownOutput();
                    Thread.sleep(PAUSE_MILLIS / 10);
                }
                case 3 -> { // promises more than it sends
                    send(socket, "POST /api/steer", "{\"prompt\": \"a", 1000);
                    Thread.sleep(PAUSE_MILLIS / 10);
                }
                default -> send(socket, "GET /features", "", 0);
            }
        }
    }

    /** Takes its texts a letter at a time: nobody else may have to wait for it. */
    void slowly(long end) {
        while (System.nanoTime() < end) {
            try (Socket socket = new Socket("127.0.0.1", port)) {
                socket.setReceiveBufferSize(1024);
                socket.setSoTimeout(PAUSE_MILLIS);
                send(socket, "POST /v1/completions", MUCH, MUCH.length());
                InputStream in = socket.getInputStream();
                while (System.nanoTime() < end && letter(in)) {
                    Thread.sleep(5);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            } catch (IOException e) {
                timings.failed("slow client", e);
            }
        }
    }

    /** Waits for a letter; a full window lets the server's side probe for it minutes apart. Returns whether there can be more. */
    private static boolean letter(InputStream in) throws IOException {
        try {
            return in.read() >= 0;
        } catch (SocketTimeoutException e) {
            return true;
        }
    }

    private static void send(Socket socket, String what, String body, int promised) throws IOException {
        String head = what + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
                + promised + "\r\n\r\n";
        socket.getOutputStream().write((head + body).getBytes(StandardCharsets.US_ASCII));
        socket.getOutputStream().flush();
    }
}
