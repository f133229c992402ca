package dev.loupe.ui;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;

/** Addresses of the pages. Names of artifacts hold no character that an address would have to escape. */
final class Links {
    private Links() {}

    static String features(String sae) {
        return "/features/" + sae;
    }

    static String feature(String sae, int id) {
        return "/features/" + sae + "/" + id;
    }

    static String compare(String a, String b) {
        return "/compare/" + a + "/" + b;
    }

    static String report(String sae) {
        return "/saes/" + sae;
    }

    static String sweep(String name) {
        return "/sweeps/" + name;
    }

    static String seeds(String name) {
        return "/seeds/" + name;
    }

    /** One MLP neuron of a model. */
    static String neuron(String model, int layer, int neuron) {
        return "/neurons/" + layer + "/" + neuron + "?model=" + encode(model);
    }

    /** The search for latents like one. */
    static String like(String sae, int id) {
        return "/search?by=like&sae=" + sae + "&id=" + id;
    }

    static String list(String name) {
        return "/lists/" + name;
    }

    /** The steering page with one edit: add 1 × its largest activation. */
    static String steer(String sae, int id) {
        return "/steer?edit=" + encode(sae + ":" + id + ":add:1");
    }

    static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }
}
