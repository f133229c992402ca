package dev.loupe.http;

import dev.loupe.base.LoupeException;
import dev.loupe.service.Workbench;
import jakarta.servlet.Servlet;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.channels.UnresolvedAddressException;
import java.nio.file.Path;
import java.util.List;
import java.util.ServiceLoader;
import java.util.function.LongSupplier;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.ee10.websocket.server.config.JettyWebSocketServletContainerInitializer;
import org.eclipse.jetty.http.UriCompliance;
import org.eclipse.jetty.io.ByteBufferPool;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.ContextHandlerCollection;
import org.eclipse.jetty.util.VirtualThreads;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.jspecify.annotations.Nullable;

/**
 * The one server: {@code /api}, {@code /v1} and the web pages under {@code /}, in one process on one port. Without pages
 * on the class path it serves the other two.
 */
public final class LoupeServer implements AutoCloseable {
    private final Server server;
    private final ServerConnector connector;
    private final Api api;

    /**
     * Where and how to listen.
     *
     * @param host address or name; 127.0.0.1 keeps others out
     * @param port 0 for any free one
     * @param tokenFile file with the access tokens, one a line; null for none
     * @param perMinute requests a minute that change something or make the server work, for each token (without tokens:
     *     for each address); 0 for no limit
     * @param names more names that the server answers to, as that of a proxy in front of it
     * @param proxies addresses and networks whose {@code X-Forwarded-For} is believed
     */
    public record Options(
            String host, int port, @Nullable Path tokenFile, int perMinute, List<String> names, List<String> proxies) {
        /** Without a limit. */
        public Options(String host, int port, @Nullable Path tokenFile) {
            this(host, port, tokenFile, 0);
        }

        /** Without a proxy in front. */
        public Options(String host, int port, @Nullable Path tokenFile, int perMinute) {
            this(host, port, tokenFile, perMinute, List.of(), List.of());
        }
    }

    private LoupeServer(Server server, ServerConnector connector, Api api) {
        this.server = server;
        this.connector = connector;
        this.api = api;
    }

    /**
     * Starts the server.
     *
     * @throws LoupeException if the port is in use or the address is none of this machine's, in one sentence
     */
    public static LoupeServer start(Workbench bench, Options options) {
        return start(bench, options, System::nanoTime);
    }

    /** @param clock the time in nanoseconds, for what a client may do so often a minute */
    static LoupeServer start(Workbench bench, Options options, LongSupplier clock) {
        Proxies proxies = new Proxies(options.proxies());
        TokenFile tokens = options.tokenFile() == null ? null : new TokenFile(options.tokenFile());
        QueuedThreadPool threads = new QueuedThreadPool(64, 4);
        threads.setName("http");
        threads.setVirtualThreadsExecutor(VirtualThreads.getDefaultVirtualThreadsExecutor());
        // no pool of buffers: among 18,000 broken requests one was answered with its own bytes before the answer, a
        // buffer that had two owners; what is never used twice cannot bring one caller's bytes to another
        Server server = new Server(threads, null, ByteBufferPool.NON_POOLING);
        server.setStopTimeout(0); // browsers keep connections and streams open: waiting for them would wait for ever
        HttpConfiguration http = new HttpConfiguration();
        http.setSendServerVersion(false);
        http.setUriCompliance(UriCompliance.DEFAULT);
        http.setUseInputDirectByteBuffers(false); // those are dear to make anew
        http.setUseOutputDirectByteBuffers(false);
        ServerConnector connector = new ServerConnector(server, 1, 1, new HttpConnectionFactory(http));
        connector.setHost(address(options.host()));
        connector.setPort(options.port());
        connector.setReuseAddress(true);
        server.setErrorHandler(new PlainErrors());
        server.setConnectors(new Connector[] {connector});

        WebUi ui = ServiceLoader.load(WebUi.class).findFirst().orElse(null);
        Metrics metrics = new Metrics(bench, ui == null ? () -> 0 : ui::sessions);
        Api api = new Api(bench, ui != null, metrics);
        ContextHandlerCollection contexts = new ContextHandlerCollection();
        contexts.addHandler(context("/api", api.javalin().javalinServlet()));
        contexts.addHandler(context("/v1", new V1(bench).javalin().javalinServlet()));
        try {
            contexts.addHandler(ui == null ? new NoPages() : ui.handler(bench));
            server.setHandler(new RequestLog(
                    new Gate(
                            contexts,
                            new Hosts(options.host(), options.names()),
                            proxies,
                            tokens,
                            options.perMinute(),
                            clock),
                    metrics));
            server.start();
        } catch (Exception e) {
            stop(server);
            throw failure(e, options);
        }
        return new LoupeServer(server, connector, api);
    }

    /** Where its connections get the memory from that they read into and write from. */
    ByteBufferPool buffers() {
        return connector.getByteBufferPool();
    }

    /** The port it listens on. */
    public int port() {
        return connector.getLocalPort();
    }

    /** The address to open in a browser. */
    public String url() {
        String host = connector.getHost();
        boolean local = host == null || host.equals("127.0.0.1") || host.equals("0.0.0.0") || host.equals("::1");
        return "http://" + (local ? "localhost" : host.contains(":") ? "[" + host + "]" : host) + ":" + port();
    }

    /** Every route under /api, for the test that compares them with the OpenAPI document. */
    Api api() {
        return api;
    }

    /** Waits until the server is stopped. */
    public void join() throws InterruptedException {
        server.join();
    }

    @Override
    public void close() {
        stop(server);
    }

    private static Handler context(String path, Servlet servlet) {
        ServletContextHandler context = new ServletContextHandler();
        context.setContextPath(path);
        context.setAllowNullPathInContext(true); // /v1 itself is answered, not redirected
        ServletHolder holder = new ServletHolder(servlet);
        holder.setAsyncSupported(true);
        context.addServlet(holder, "/*");
        // Javalin's servlet looks for the web socket components even where no route is one
        JettyWebSocketServletContainerInitializer.configure(context, null);
        return context;
    }

    private static String address(String host) {
        return host.equals("localhost") ? "127.0.0.1" : host;
    }

    private static LoupeException failure(Exception e, Options options) {
        for (Throwable t = e; t != null; t = t.getCause()) {
            if (t instanceof BindException) {
                boolean known = isLocal(options.host());
                return known
                        ? new LoupeException(
                                "The port " + options.port() + " is in use by another program: stop that one,"
                                        + " or choose another with --port (0 takes any free one).")
                        : new LoupeException("The address " + options.host() + " is none of this machine's; leave out"
                                + " --host, or use one of its own addresses.");
            }
            if (t instanceof UnknownHostException || t instanceof UnresolvedAddressException) {
                return new LoupeException("The address " + options.host() + " is unknown; leave out --host.");
            }
            if (t instanceof java.net.SocketException
                    && String.valueOf(t.getMessage()).contains("Permission denied")) {
                return new LoupeException("The port " + options.port() + " needs rights that this process has not;"
                        + " choose one above 1023 with --port.");
            }
        }
        return new LoupeException("The server could not start (" + e + ").", e);
    }

    private static boolean isLocal(String host) {
        try {
            InetAddress address = InetAddress.getByName(host);
            return address.isLoopbackAddress()
                    || address.isAnyLocalAddress()
                    || java.net.NetworkInterface.getByInetAddress(address) != null;
        } catch (IOException e) {
            return false;
        }
    }

    private static void stop(Server server) {
        try {
            server.stop();
        } catch (Exception ignored) {
            // nothing more can be done for a server that does not stop
        }
    }
}
