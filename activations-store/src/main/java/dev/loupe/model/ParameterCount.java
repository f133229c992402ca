package dev.loupe.model;

/** The number of parameters, from the shapes alone. */
final class ParameterCount {
    private ParameterCount() {}

    static long of(ModelSpec spec) {
        Architecture a = spec.architecture();
        ModelConfig c = spec.config();
        TensorNames t = a.tensors();
        long d = c.dModel();
        long q = (long) c.nHeads() * c.dHead();
        long kv = (long) c.nKeyValueHeads() * c.dHead();
        long mlpMaps = t.mlpLinear() == null ? 1 : 2;
        long norm = a.norm() == NormKind.LAYER ? 2 * d : d;
        long norms = 2 + (t.ln1Post() == null ? 0 : 1) + (t.ln2Post() == null ? 0 : 1);
        long block = d * (2 * q + 2 * kv)
                + (mlpMaps + 1) * d * c.dMlp()
                + norms * norm
                + (a.biasQkv() ? q + 2 * kv : 0)
                + (a.biasO() ? d : 0)
                + (a.biasMlp() ? mlpMaps * c.dMlp() + d : 0)
                + (t.qNorm() == null ? 0 : 2L * c.dHead());
        long positions = t.positions() == null ? 0 : (c.nCtx() + (long) t.positionOffset()) * d;
        return c.nLayers() * block + norm + positions + c.dVocab() * d * (c.tiedEmbeddings() ? 1 : 2);
    }
}
