package dev.loupe.cli;

import dev.loupe.base.Fmt;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.service.LiveSpec;
import dev.loupe.service.TensorBoard;
import dev.loupe.service.TrainSpec;
import dev.loupe.service.TrainSummary;
import dev.loupe.train.Method;
import dev.loupe.train.TrainPreset;
import dev.loupe.train.TrainResult;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Trains SAEs. */
@Command(
        name = "train",
        description =
                "Trains SAEs on a store, or straight from a model, one per seed. Continues where it was stopped, with"
                        + " the same bits.")
final class TrainCommand extends LoupeCommand {
    @Mixin
    private ClusterChoice where = new ClusterChoice();

    private static final int MOST_SEEDS = 1000;

    /** The names of all ways to train. */
    static final class Architectures implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return Arrays.stream(Method.values()).map(Method::id).iterator();
        }
    }

    @Option(
            names = "--store",
            paramLabel = "S|none",
            description = "The activation store; none to train straight from --model and --text, storing nothing.")
    private @Nullable String store;

    @Option(
            names = "--text",
            paramLabel = "T",
            description = "With --store none: the text that the model reads (as in capture).")
    private @Nullable String text;

    @Mixin
    private TextOptions options = new TextOptions();

    @Option(
            names = "--shuffle",
            paramLabel = "full|block",
            description =
                    "How the rows of a store are mixed: full, one permutation of all; block, for stores larger than"
                            + " memory and slow disks (default: full).")
    private @Nullable String shuffle;

    @Option(
            names = "--hook",
            paramLabel = "H",
            description =
                    "Which hook point (default: the store's only one; needed with --store none). Several, joined by"
                            + " commas or as blocks.*.NAME: one crosscoder of all of them.")
    private @Nullable String hook;

    @Option(
            names = "--hook-out",
            paramLabel = "H",
            description = "Train a transcoder that reconstructs this hook point from the other (default: an SAE)."
                    + " blocks.*.NAME: one for each layer, NAME-l0, NAME-l1, ...; blocks.*+.NAME: a cross-layer"
                    + " transcoder, whose layers also write to all later ones.")
    private @Nullable String hookOut;

    @Option(
            names = "--arch",
            paramLabel = "A",
            completionCandidates = Architectures.class,
            description = "One of ${COMPLETION-CANDIDATES}.")
    private @Nullable String arch;

    @Option(names = "--d-sae", paramLabel = "N", description = "Number of latents.")
    private @Nullable Integer dSae;

    @Option(
            names = "--preset",
            paramLabel = "NAME",
            description = "The recipe that everything else comes from (default: demo); --presets lists them.")
    private @Nullable String preset;

    @Option(names = "--presets", description = "List the recipes and train nothing; with --json every setting of each.")
    private boolean presets;

    @Option(
            names = "--tensorboard",
            paramLabel = "DIR",
            description = "Also write the live curves there as TensorBoard event files.")
    private @Nullable Path tensorboard;

    @Option(
            names = "--k",
            paramLabel = "K",
            description = "Active latents per token (topk, batchtopk, matryoshka; default: 24).")
    private @Nullable Integer k;

    @Option(
            names = "--l0-target",
            paramLabel = "X",
            description = "L0 to aim for (the other architectures; default: 24).")
    private @Nullable Double l0Target;

    @Option(names = "--l1", paramLabel = "X", description = "Fixed weight of the penalty (relu, panneal, gated).")
    private @Nullable Double l1;

    @Option(
            names = "--seeds",
            paramLabel = "0,1|0..8",
            description = "One SAE per seed, named NAME-s0, NAME-s1, ... (default: seed 0, named NAME).")
    private @Nullable String seeds;

    @Option(names = "--steps", paramLabel = "N", description = "Optimiser steps (default: 2000).")
    private @Nullable Long steps;

    @Option(names = "--tokens", paramLabel = "N", description = "Rows to see, instead of steps.")
    private @Nullable Long tokens;

    @Option(
            names = "--init-from",
            paramLabel = "SAE",
            description =
                    "Begin with the weights of this SAE, of the same shape (fine-tuning), instead of random ones.")
    private @Nullable String initFrom;

    @Option(
            names = "--encoder-precision",
            paramLabel = "fp32|bf16|int8|tf32",
            description =
                    "Of the encoder's product (default: fp32); bf16 may choose another latent near the last one, int8"
                            + " excludes by 8-bit integers and chooses by float32, tf32 is for a GPU.")
    private @Nullable String encoderPrecision;

    @Option(
            names = "--config",
            paramLabel = "F.yaml",
            description = "Settings by name, and what flags do not say: name, store, hook, hook_out, arch, d_sae,"
                    + " preset, seeds, tokens, shuffle, text, model, json_field, context, prepend_bos, held_out."
                    + " Flags win.")
    private @Nullable Path config;

    @Option(
            names = "--set",
            paramLabel = "NAME=VALUE",
            description = "One further setting, repeatable; wins over --config.")
    private List<String> set = List.of();

    @Option(names = "--name", paramLabel = "SAE", description = "Name of the SAE.")
    private @Nullable String name;

    @Override
    void run(Session session) {
        session.on(where);
        if (presets) {
            presets(session);
            return;
        }
        TrainSpec spec = spec();
        session.bring(spec.store());
        session.workbench().training().request(spec); // refused before a job is written down
        TrainSummary r = session.job("train", spec, p -> trained(session, spec, p));
        session.result(r, () -> {
            for (int i = 0; i < r.saes().size(); i++) {
                TrainResult sae = r.saes().get(i);
                List<String> metrics = new ArrayList<>();
                sae.metrics().forEach((m, v) -> metrics.add(m + " " + Fmt.figure(v)));
                int last = i; // the layers of a cross-layer transcoder are one training with one set of figures
                while (last + 1 < r.saes().size()
                        && !sae.metrics().isEmpty()
                        && r.saes().get(last + 1).metrics().equals(sae.metrics())) {
                    last++;
                }
                session.out.println(sae.name()
                        + (last > i ? " to " + r.saes().get(last).name() + " together" : "")
                        + (sae.kept() ? " was there already" : "") + ": " + String.join(", ", metrics));
                i = last;
            }
            if (r.tokensPerSecond() > 0) {
                session.out.println(Fmt.count(r.tokensPerSecond()) + " tokens/s, "
                        + Fmt.duration(Duration.ofMillis((long) (1000 * r.seconds()))) + ", peak memory "
                        + Fmt.bytes(r.peakMemoryBytes()) + ".");
            }
        });
    }

    private TrainSummary trained(Session session, TrainSpec spec, Progress progress) {
        if (tensorboard == null) {
            return session.workbench().training().run(spec, progress);
        }
        try (TensorBoard board = new TensorBoard(tensorboard)) {
            return session.workbench().training().run(spec, board.beside(progress));
        }
    }

    /** What flags say, and what the file says where they do not. */
    private TrainSpec spec() {
        Map<String, Object> flags = new LinkedHashMap<>();
        if (encoderPrecision != null) {
            flags.put("precision", encoderPrecision);
        }
        set.forEach(s -> Yaml.put(s, flags));
        Object latents = flags.get("d_sae");
        if (dSae == null && latents != null) {
            dSae = TrainFile.whole("d_sae", latents);
        }
        TrainFile file = new TrainFile(config);
        String storeName = required(file.text("store", store), "--store");
        String method = file.text("arch", arch);
        String recipe = file.text("preset", preset);
        if (method == null && recipe != null && TrainPreset.of(recipe).methods().size() == 1) {
            method = TrainPreset.of(recipe).methods().getFirst().id();
        }
        Long rows = file.tokens(tokens, steps != null || flags.containsKey("steps"));
        file.unless(k, "k");
        file.unless(l0Target, "l0_target");
        file.unless(l1, "l1", "l0_target");
        file.unless(steps, "steps");
        file.unless(tokens, "steps");
        file.unless(initFrom, "init_from");
        Integer width = file.whole("d_sae", dSae);
        String sae = file.text("name", name);
        String in = file.text("hook", hook);
        String out = file.text("hook_out", hookOut);
        String mixed = file.text("shuffle", shuffle);
        String many = file.seeds(seeds);
        text = file.text("text", text);
        options.orElse(file);
        Map<String, Object> settings = new LinkedHashMap<>(file.settings());
        if (initFrom != null) {
            settings.put("init_from", initFrom);
        }
        settings.putAll(flags);
        return TrainSpec.of(required(sae, "--name"), storeName, required(method, "--arch"), required(width, "--d-sae"))
                .hook(in)
                .hookOut(out)
                .k(k)
                .l0Target(l0Target)
                .l1(l1)
                .seeds(seeds(many))
                .steps(steps)
                .tokens(rows)
                .set(settings)
                .shuffle(mixed)
                .live(live(storeName))
                .preset(recipe)
                .build();
    }

    private static <T> T required(@Nullable T value, String flag) {
        if (value == null) {
            throw new UsageException("Missing " + flag
                    + ": training needs --store, --arch, --d-sae and --name, as flags or in the file of --config.");
        }
        return value;
    }

    /** The width that listed recipes are for; only some learning rates depend on it. */
    private static final int PRESET_WIDTH = 16_384;

    private static void presets(Session session) {
        List<Map<String, Object>> all = new ArrayList<>();
        Table table = new Table("preset", "architectures", "from");
        for (TrainPreset p : TrainPreset.values()) {
            List<String> methods = p.methods().stream().map(Method::id).toList();
            Map<String, Object> settings = new LinkedHashMap<>();
            p.methods()
                    .forEach(m -> settings.put(m.id(), p.config(m, PRESET_WIDTH).settings()));
            all.add(Map.of("preset", p.id(), "architectures", methods, "source", p.source(), "settings", settings));
            table.row(p.id(), String.join(" ", methods), p.source());
        }
        session.result(Map.of("presets", all), () -> table.print(session.out));
    }

    private @Nullable LiveSpec live(String store) {
        if (!store.equals(TrainSpec.NO_STORE)) {
            if (text != null || options.given()) {
                throw new UsageException("The store " + store + " has its activations already: --text, --model and what"
                        + " goes with them are for --store none.");
            }
            return null;
        }
        if (text == null) {
            throw new UsageException(
                    "With --store none, name the text to read with --text (and the model with --model).");
        }
        return new LiveSpec(
                options.model.reference(),
                text,
                options.jsonField.isBlank() ? null : options.jsonField,
                options.context == 0 ? null : options.context,
                options.prependBos,
                options.heldOut.isBlank() ? null : options.heldOut,
                options.rules());
    }

    /** {@code 0,1,5}, {@code 0..8} (both ends) or a mix. */
    static List<Long> seeds(@Nullable String text) {
        List<Long> all = new ArrayList<>();
        if (text == null) {
            return all;
        }
        for (String part : text.split(",", -1)) {
            String[] ends = part.strip().split("\\.\\.", -1);
            try {
                long from = Long.parseLong(ends[0]);
                long to = ends.length == 1 ? from : Long.parseLong(ends[1]);
                if (ends.length > 2 || from < 0 || to < from || to - from >= MOST_SEEDS) {
                    throw new NumberFormatException(part);
                }
                for (long s = from; s <= to; s++) {
                    all.add(s);
                }
            } catch (NumberFormatException e) {
                throw new UsageException("The seeds \"" + text + "\" are not of the form 0,1,2 or 0..8.");
            }
        }
        return all;
    }
}
