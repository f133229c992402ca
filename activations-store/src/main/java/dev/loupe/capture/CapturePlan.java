package dev.loupe.capture;

import dev.loupe.base.UsageException;
import dev.loupe.chat.ChatTemplate;
import dev.loupe.corpus.Corpora;
import dev.loupe.corpus.Document;
import dev.loupe.corpus.DocumentSource;
import dev.loupe.corpus.HeldOut;
import dev.loupe.corpus.LanguageLabeler;
import dev.loupe.corpus.Packer;
import dev.loupe.model.HookInfo;
import dev.loupe.model.HookPattern;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Tokenizer;
import dev.loupe.store.Dtype;
import dev.loupe.store.StoreManifest;
import dev.loupe.store.StoreSpec;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Everything a request means for one model and one text, decided before the first token.
 *
 * @param spec what decides the store's bytes
 * @param hooks the hook points, in the order of the request
 * @param packing how documents become sequences
 * @param shardRows rows of a full shard
 * @param batchTokens tokens of one forward pass, padding included
 * @param poolCharacters how much text is in memory and shuffled at a time
 */
record CapturePlan(
        StoreSpec spec,
        List<HookPoint> hooks,
        Packer.Rules packing,
        int shardRows,
        int batchTokens,
        long poolCharacters) {
    private static final int DEFAULT_CONTEXT = 256;
    /** Where nobody says how many: more rows than these make no capture quicker. */
    static final int MOST_SHARD_ROWS = 65_536;

    /** Where somebody does: a hook point of width 8,192 then has files of 4 GB, which others have to read, too. */
    static final int MOST_CHOSEN_ROWS = 131_072;

    private static final long SHARD_BYTES = 256L << 20; // memory for the rows of one shard, all hook points
    static final int BATCH_TOKENS = 2048;
    private static final long LEAST_POOL = 32L << 20;
    private static final long POOL_PER_TOKEN = 64;
    private static final long MOST_POOL =
            128L << 20; // about 30 million tokens are in memory as text, whatever is asked for

    static CapturePlan of(
            CaptureRequest request, LanguageModel model, DocumentSource source, HeldOut heldOut, int mostShardRows) {
        Tokenizer tokenizer = model.tokenizer();
        CaptureRules rules = request.rulesOrDefault();
        List<HookPoint> hooks = new ArrayList<>();
        SequencedMap<String, StoreSpec.HookSpec> specs = new LinkedHashMap<>();
        long width = 0;
        List<String> known = model.hooks().stream().map(HookInfo::name).toList();
        for (String name : new LinkedHashSet<>(HookPattern.all(request.hooks(), known))) {
            HookInfo info = model.hook(name);
            if (info.width() == HookInfo.VARIES) {
                throw new UsageException("The hook point " + name
                        + " cannot be stored: its rows have no fixed width; choose another, such as hook_resid_post.");
            }
            hooks.add(info.hook());
            rules.values().checkWidth(info.name(), info.width());
            specs.put(
                    info.name(),
                    new StoreSpec.HookSpec(
                            info.width(),
                            Dtype.of(request.dtype()),
                            rules.values().isNone() ? null : rules.values()));
            width += info.width();
        }
        Integer bos = bos(request, tokenizer);
        int context = context(request, model, bos != null);
        if (rules.excludeFirst() >= context) {
            throw new UsageException("All " + context + " positions of the context would be left out: exclude fewer.");
        }
        long most = rules.shardRows() == null
                ? Math.min(mostShardRows, Math.max(1024, SHARD_BYTES / (4 * width)))
                : rules.shardRows();
        int shardRows = (int) Math.max(context, most);
        long pool =
                Math.clamp(request.tokens(), LEAST_POOL / POOL_PER_TOKEN, MOST_POOL / POOL_PER_TOKEN) * POOL_PER_TOKEN;
        Map<String, Object> capture = new LinkedHashMap<>();
        capture.put("tokens_requested", request.tokens());
        capture.put("held_out_limit", request.tokens() / CaptureJob.HELD_OUT_PART);
        capture.put("order", "held-out documents, then the others, each shuffled by seed");
        capture.put("pool_characters", pool);
        capture.put("shard_rows", shardRows);
        capture.put("batch_tokens", BATCH_TOKENS);
        if (tokenizer.chatTemplate() != null && holdsChats(source)) {
            capture.put("chat_template", new ChatTemplate(tokenizer.chatTemplate()).checksum());
            capture.put("chat_date", ChatTemplate.CAPTURE_DATE.toString());
        }
        StoreSpec spec = new StoreSpec(
                request.name(),
                new StoreManifest.Model(
                        model.id(),
                        model.weightsChecksum(),
                        tokenizer.checksum(),
                        model.weightRegime().id(),
                        model.precision().inManifest()),
                new StoreManifest.Sequence(
                        context,
                        bos != null,
                        rules.packingOrDefault().description(),
                        special(tokenizer),
                        rules.excludeFirst() == 0 ? null : rules.excludeFirst()),
                new StoreManifest.Corpus(
                        source.spec(),
                        source.describe(),
                        request.jsonField().isBlank() ? Corpora.DEFAULT_JSON_FIELD : request.jsonField(),
                        source.fingerprint(),
                        heldOut.describe(),
                        LanguageLabeler.DESCRIPTION),
                request.seed(),
                specs,
                capture);
        return new CapturePlan(
                spec,
                List.copyOf(hooks),
                new Packer.Rules(rules.packingOrDefault(), context, bos, rowRule(spec.sequence())),
                shardRows,
                BATCH_TOKENS,
                pool);
    }

    /** The same for a store of the tokens alone. */
    CapturePlan withoutRows() {
        return new CapturePlan(
                new StoreSpec(
                        spec.name(),
                        spec.model(),
                        spec.sequence(),
                        spec.corpus(),
                        spec.seed(),
                        new LinkedHashMap<>(),
                        spec.capture()),
                List.of(),
                packing,
                shardRows,
                batchTokens,
                poolCharacters);
    }

    /** Whether the text begins with a conversation. */
    private static boolean holdsChats(DocumentSource source) {
        try (Stream<Document> all = source.open()) {
            return all.findFirst()
                    .filter(d -> d.content() instanceof Document.Content.Chat)
                    .isPresent();
        }
    }

    private static Packer.RowRule rowRule(StoreManifest.Sequence sequence) {
        Set<Integer> excluded = Set.copyOf(sequence.excludedTokens());
        int first = sequence.firstRows();
        return (id, position) -> position >= first && !excluded.contains(id);
    }

    /** BOS in front of every sequence, or null. */
    @Nullable Integer bos() {
        return packing.bos();
    }

    private static @Nullable Integer bos(CaptureRequest request, Tokenizer tokenizer) {
        if (Objects.equals(request.prependBos(), false)) {
            return null;
        }
        Integer bos = tokenizer.bosId();
        if (bos == null && Objects.equals(request.prependBos(), true)) {
            throw new UsageException("The model has no BOS token to prepend; capture with --no-prepend-bos.");
        }
        return bos;
    }

    private static int context(CaptureRequest request, LanguageModel model, boolean withBos) {
        int limit = model.config().nCtx();
        int context = request.context() == 0 ? Math.min(DEFAULT_CONTEXT, limit) : request.context();
        int least = withBos ? 2 : 1;
        if (context > limit || context < least) {
            throw new UsageException("The context must be " + least + " to " + limit + " tokens for the model "
                    + model.id() + "; it is " + context + ".");
        }
        return context;
    }

    private static List<Integer> special(Tokenizer tokenizer) {
        return IntStream.range(0, tokenizer.vocabSize())
                .filter(tokenizer::isSpecial)
                .boxed()
                .toList();
    }
}
