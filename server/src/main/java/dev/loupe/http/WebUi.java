package dev.loupe.http;

import dev.loupe.service.Workbench;
import org.eclipse.jetty.server.Handler;

/** The web pages under {@code /}, found through {@link java.util.ServiceLoader}; the server runs without any as well. */
public interface WebUi {
    /**
     * A handler (usually a context at {@code /}) that serves the pages; the server starts and stops it.
     *
     * @param workbench the use cases that the pages call
     */
    Handler handler(Workbench workbench) throws Exception;

    /** How many sessions of browsers are open. */
    default int sessions() {
        return 0;
    }
}
