package dev.loupe.ui;

import com.vaadin.flow.di.LookupInitializer;
import com.vaadin.flow.server.VaadinServlet;
import com.vaadin.flow.server.startup.ErrorNavigationTargetInitializer;
import com.vaadin.flow.server.startup.LookupServletContainerInitializer;
import com.vaadin.flow.server.startup.RouteRegistryInitializer;
import com.vaadin.flow.server.startup.ServletContextListeners;
import com.vaadin.flow.server.startup.VaadinAppShellInitializer;
import dev.loupe.http.WebUi;
import dev.loupe.service.Workbench;
import jakarta.servlet.http.HttpSessionEvent;
import jakarta.servlet.http.HttpSessionListener;
import java.net.URL;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.eclipse.jetty.ee11.servlet.ResourceServlet;
import org.eclipse.jetty.ee11.servlet.ServletContextHandler;
import org.eclipse.jetty.ee11.servlet.ServletHolder;
import org.eclipse.jetty.ee11.websocket.jakarta.server.config.JakartaWebSocketServletContainerInitializer;
import org.eclipse.jetty.http.HttpCookie;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.handler.gzip.GzipHandler;
import org.eclipse.jetty.util.resource.Resource;
import org.eclipse.jetty.util.resource.ResourceFactory;

/** The workbench in the browser: Vaadin's servlet, its push socket and our static files in one Jetty context at /. */
public final class VaadinUi implements WebUi {
    /** Attribute of the servlet context under which views find the services. */
    static final String WORKBENCH = "dev.loupe.workbench";

    /** Every class that Vaadin would otherwise look for by scanning the class path. A test compares the list. */
    static final List<Class<?>> ROUTES = List.of(
            Shell.class,
            MainLayout.class,
            OverviewView.class,
            FeaturesView.class,
            FeatureListView.class,
            FeatureView.class,
            SearchView.class,
            ListsView.class,
            ListView.class,
            CompareListView.class,
            CompareView.class,
            SeedsView.class,
            ReportView.class,
            SweepsView.class,
            SweepView.class,
            PatchView.class,
            CircuitsView.class,
            CircuitView.class,
            SteerView.class,
            InspectView.class,
            DiagnosticsView.class,
            DiagnosticView.class,
            NeuronView.class,
            JobsView.class,
            StoresView.class,
            ModelsView.class);

    /** What is shown where a page cannot be. */
    static final List<Class<?>> ERROR_PAGES = List.of(MissingView.class, FailedView.class);

    private final AtomicInteger sessions = new AtomicInteger();

    @Override
    @SuppressWarnings(
            "removal") // the gzip handler: its successor keeps no .br twins apart; exchanged when Jetty drops it
    public Handler handler(Workbench workbench) throws Exception {
        ServletContextHandler context = new ServletContextHandler("/", ServletContextHandler.SESSIONS);
        context.setAttribute(WORKBENCH, workbench);
        ClassLoader loader = VaadinUi.class.getClassLoader();
        context.setClassLoader(loader);
        ResourceFactory resources = ResourceFactory.of(context);
        List<Resource> roots = new ArrayList<>();
        for (URL url : Collections.list(loader.getResources("META-INF/resources"))) {
            roots.add(resources.newResource(url.toURI()));
        }
        context.setBaseResource(ResourceFactory.combine(roots));
        Class<?>[] routes = ROUTES.toArray(Class<?>[]::new);
        context.addServletContainerInitializer(
                new LookupServletContainerInitializer(), LookupInitializer.class, WorkbenchInstantiators.class);
        context.addServletContainerInitializer(new RouteRegistryInitializer(), routes);
        context.addServletContainerInitializer(new VaadinAppShellInitializer(), routes);
        context.addServletContainerInitializer(
                new ErrorNavigationTargetInitializer(), ERROR_PAGES.toArray(Class<?>[]::new));
        // the push socket: must come before Vaadin's listener, which opens it
        JakartaWebSocketServletContainerInitializer.configure(context, null);
        context.addEventListener(new ServletContextListeners());
        addStatic(context);
        ServletHolder vaadin = new ServletHolder("vaadin", VaadinServlet.class);
        vaadin.setAsyncSupported(true);
        vaadin.setInitOrder(1);
        context.addServlet(vaadin, "/*");
        context.getSessionHandler().setHttpOnly(true);
        context.getSessionHandler().setSameSite(HttpCookie.SameSite.LAX);
        context.insertHandler(new GzipHandler());
        context.addEventListener(new HttpSessionListener() {
            @Override
            public void sessionCreated(HttpSessionEvent event) {
                sessions.incrementAndGet();
            }

            @Override
            public void sessionDestroyed(HttpSessionEvent event) {
                sessions.decrementAndGet();
            }
        });
        return context;
    }

    @Override
    public int sessions() {
        return sessions.get();
    }

    /** Our style sheet and modules: asked for again each time (a 304), so that nobody keeps yesterday's after an update. */
    private static void addStatic(ServletContextHandler context) {
        ServletHolder files = new ServletHolder("static", ResourceServlet.class);
        files.setInitParameter("cacheControl", "no-cache");
        files.setInitParameter("etags", "true");
        files.setInitParameter("pathInfoOnly", "false");
        files.setInitParameter("dirAllowed", "false");
        files.setAsyncSupported(true);
        context.addServlet(files, "/js/*");
        context.addServlet(files, "/css/*");
    }
}
