package dev.loupe.bench;

import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.model.LanguageModel;
import dev.loupe.patch.PatchRequest;
import dev.loupe.patch.PatchResult;
import dev.loupe.patch.Patching;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Relevance patching of one pair at five sites; the peer is a PyTorch forward with detached rule factors. */
final class RelpBench implements Benchmark {
    private static final String CLEAN = "I would like to thank the rapporteur. I";
    private static final String CORRUPT = "We would like to thank the rapporteur. We";

    private @Nullable LanguageModel model;

    @Override
    public String name() {
        return "relp";
    }

    @Override
    public String setting() {
        return "embedded model, two forwards and one backward, LN, Identity and Half rules, five sites of six layers";
    }

    @Override
    public String unit() {
        return "prompt pairs/s";
    }

    @Override
    public double tolerance() {
        return 1e-4;
    }

    @Override
    public void prepare(Path folder) throws Exception {
        model = Builtin.open(folder, Map.of("clean", CLEAN, "corrupt", CORRUPT, "answer", " am", "wrong", " are"));
    }

    @Override
    public Measured run() {
        PatchRequest request = PatchRequest.of(CLEAN, CORRUPT, " am", " are")
                .withSites("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out");
        int pairs = 5;
        double answer = 0;
        long start = System.nanoTime();
        for (int i = 0; i < pairs; i++) {
            PatchResult r = Patching.run(
                    Objects.requireNonNull(model),
                    request,
                    name -> {
                        throw new NotFoundException("There is no SAE " + name + ".");
                    },
                    Progress.silent());
            answer = r.grids().values().stream()
                    .flatMap(java.util.Arrays::stream)
                    .flatMapToDouble(java.util.Arrays::stream)
                    .map(Math::abs)
                    .sum();
        }
        return new Measured(pairs, (System.nanoTime() - start) / 1e9, answer);
    }

    @Override
    public void close() {
        if (model != null) {
            model.close();
        }
    }
}
