package dev.loupe.steer;

import dev.loupe.base.UsageException;

/** What an edit or a condition is about. */
sealed interface Target {
    /** A latent of an SAE. */
    record Feature(String sae, int id) implements Target {
        @Override
        public String toString() {
            return "feature " + sae + ":" + id;
        }
    }

    /** A neuron of an MLP: one number of {@code blocks.L.mlp.hook_post}. */
    record Neuron(int layer, int index) implements Target {
        @Override
        public String toString() {
            return "neuron " + layer + ":" + index;
        }
    }

    /** A saved steering vector. */
    record Vector(String name) implements Target {
        @Override
        public String toString() {
            return "vector " + name;
        }
    }

    /** Reads {@code SAE:ID}. */
    static Feature feature(String text) {
        int colon = text.lastIndexOf(':');
        if (colon < 1) {
            throw new UsageException("A feature is written SAE:ID (for example topk-s0:12), not \"" + text + "\".");
        }
        return new Feature(text.substring(0, colon), number(text, colon + 1, "feature"));
    }

    /** Reads {@code LAYER:INDEX}. */
    static Neuron neuron(String text) {
        int colon = text.indexOf(':');
        if (colon < 1) {
            throw new UsageException("A neuron is written LAYER:INDEX (for example 3:117), not \"" + text + "\".");
        }
        return new Neuron(number(text.substring(0, colon), 0, "layer"), number(text, colon + 1, "neuron"));
    }

    private static int number(String text, int from, String what) {
        String digits = text.substring(from);
        if (!digits.matches("\\d{1,9}")) {
            throw new UsageException("The number of the " + what + " in \"" + text + "\" is not a whole number.");
        }
        return Integer.parseInt(digits);
    }
}
