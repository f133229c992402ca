package dev.loupe.graph;

/** Ids of nodes: circuit-tracer's, but for errors, so that none can be that of another kind. */
final class NodeIds {
    private NodeIds() {}

    static String feature(int layer, int feature, int position) {
        return layer + "_" + feature + "_" + position;
    }

    static String error(int layer, int position) {
        return "error_" + layer + "_" + position;
    }

    static String embedding(int token, int position) {
        return "E_" + token + "_" + position;
    }

    static String logit(int layers, int token, int position) {
        return layers + 1 + "_" + token + "_" + position;
    }

    static String difference(int layers, int plus, int minus, int position) {
        return layers + 1 + "_" + plus + "-" + minus + "_" + position;
    }
}
