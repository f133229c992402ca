package dev.loupe.ui;

import com.vaadin.flow.server.ServiceInitEvent;
import com.vaadin.flow.server.VaadinServiceInitListener;
import com.vaadin.flow.server.VaadinServletResponse;
import com.vaadin.flow.server.communication.IndexHtmlResponse;
import jakarta.servlet.http.HttpServletResponse;
import java.security.SecureRandom;
import java.util.Base64;

/**
 * Lets the scripts inside the first page run and no others: each carries a number that is new for every page, and the content
 * security policy names it. A script that a hostile text brought into the page has none. What the server sends later is still
 * evaluated ('unsafe-eval'): Vaadin's client works so.
 */
public final class ScriptPolicy implements VaadinServiceInitListener {
    private static final long serialVersionUID = 1L;
    private static final String HEADER = "Content-Security-Policy";
    private static final String SCRIPTS = "script-src 'self'";
    private static final SecureRandom RANDOM = new SecureRandom();

    @Override
    public void serviceInit(ServiceInitEvent event) {
        event.addIndexHtmlRequestListener(ScriptPolicy::mark);
    }

    private static void mark(IndexHtmlResponse page) {
        HttpServletResponse response = ((VaadinServletResponse) page.getVaadinResponse()).getHttpServletResponse();
        String policy = response.getHeader(HEADER);
        if (policy != null) {
            byte[] bytes = new byte[18];
            RANDOM.nextBytes(bytes);
            String nonce = Base64.getEncoder().encodeToString(bytes);
            page.getDocument().select("script").attr("nonce", nonce);
            response.setHeader(HEADER, policy.replace(SCRIPTS, SCRIPTS + " 'nonce-" + nonce + "'"));
        }
    }
}
