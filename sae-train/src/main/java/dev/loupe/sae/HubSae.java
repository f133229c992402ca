package dev.loupe.sae;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Nearest;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.model.hub.Hub;
import dev.loupe.model.hub.HubId;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * An SAE on the Hugging Face hub: {@code hf:OWNER/NAME[@REVISION][/FOLDER]}, or the name of a release and an id in it as
 * in SAELens, {@code gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_71} ({@link SaeReleases}).
 *
 * @param id the repository
 * @param path the folder in it; empty for its root. One that ends in {@code canonical} stands for the SAE beside it whose
 *     average L0 is nearest to 100, as in Gemma Scope's paper (arXiv 2408.05147); of two as near the one with less
 */
public record HubSae(HubId id, String path) {
    /** What an address on the hub begins with. */
    public static final String PREFIX = "hf:";

    private static final Pattern SEGMENT = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._:=+ -]*");
    private static final String CANONICAL = "canonical";
    private static final String L0 = "average_l0_";
    private static final double CANONICAL_L0 = 100;
    private static final Pattern GEMMA = Pattern.compile("google/gemma-scope-(\\d+b)-(pt|it)-(res|mlp|att)");
    private static final Pattern TRANSCODERS = Pattern.compile("google/gemma-scope-[\\w-]+-transcoders");
    private static final Pattern LAYER = Pattern.compile("layer_(\\d+)(?:/.*)?");

    private static final Map<SaeFormat, List<String>> FILES = SaeFormat.folders();

    /**
     * An SAE that was fetched.
     *
     * @param format how it is read
     * @param source the file or folder
     * @param model the model it was trained on; empty where the files say it
     * @param hook its hook point; empty where the files say it
     */
    public record Fetched(SaeFormat format, Path source, String model, String hook) {}

    private record Choice(SaeFormat format, String folder, List<String> files) {}

    /**
     * The SAE that a text means; null if it is neither an address on the hub nor begins with the name of a release.
     *
     * @throws UsageException if an address is none
     * @throws NotFoundException if a release has no such id
     */
    public static @Nullable HubSae parse(String text) {
        if (!text.startsWith(PREFIX)) {
            return SaeReleases.find(text);
        }
        String[] parts = text.substring(PREFIX.length()).replaceAll("/+$", "").split("/", -1);
        HubId id = parts.length < 2 ? null : HubId.parse(parts[0] + "/" + parts[1]);
        List<String> rest = Arrays.asList(parts).subList(Math.min(2, parts.length), parts.length);
        if (id == null || !rest.stream().allMatch(s -> SEGMENT.matcher(s).matches())) {
            throw new UsageException("\"" + text + "\" is no place on the hub: write " + PREFIX
                    + "OWNER/NAME/FOLDER, such as hf:jbloom/GPT2-Small-SAEs-Reformatted/blocks.8.hook_resid_pre.");
        }
        return new HubSae(id.as(HubId.Kind.SAE), String.join("/", rest));
    }

    /**
     * Fetches the files of the SAE, unless they are in the cache.
     *
     * @throws NotFoundException if the repository has no SAE there in a format that can be read, naming some that it has
     * @throws dev.loupe.base.LoupeException if the hub cannot be reached, or may not be asked
     */
    public Fetched fetch(Hub hub, Progress progress) {
        if (TRANSCODERS.matcher(id.repository()).matches()) {
            throw new LoupeException(id.repository() + " holds transcoders, whose files do not say what they read and"
                    + " write: fetch the params.npz you want, and take it by `loupe import FILE --format gemma-scope"
                    + " --hook IN --hook-out OUT` (SAELens has blocks.L.ln2.hook_normalized and"
                    + " blocks.L.hook_mlp_out).");
        }
        AtomicReference<Choice> chosen = new AtomicReference<>();
        Path snapshot = hub.files(
                id,
                files -> {
                    Choice c = choose(files);
                    chosen.set(c);
                    return c.files;
                },
                progress);
        Choice c = chosen.get();
        Path folder = c.folder.isEmpty() ? snapshot : snapshot.resolve(c.folder);
        Path source = c.format == SaeFormat.GEMMA_SCOPE
                ? folder.resolve(FILES.getOrDefault(c.format, List.of()).getFirst())
                : folder;
        Matcher gemma = GEMMA.matcher(id.repository());
        boolean known = c.format == SaeFormat.GEMMA_SCOPE && gemma.matches();
        return new Fetched(
                c.format,
                source,
                known ? "google/gemma-2-" + gemma.group(1) + (gemma.group(2).equals("it") ? "-it" : "") : "",
                known ? hook(gemma.group(3), c.folder) : "");
    }

    /** Where an SAE of Gemma Scope belongs. */
    private static String hook(String site, String folder) {
        Matcher layer = LAYER.matcher(folder);
        if (!layer.matches()) {
            return folder.startsWith("embedding") ? "hook_embed" : "";
        }
        String place = switch (site) {
            case "res" -> "hook_resid_post";
            case "mlp" -> "hook_mlp_out";
            default -> "attn.hook_z";
        };
        return "blocks." + layer.group(1) + "." + place;
    }

    private Choice choose(List<String> files) {
        String folder = folder(files);
        String before = folder.isEmpty() ? "" : folder + "/";
        for (Map.Entry<SaeFormat, List<String>> format : FILES.entrySet()) {
            List<String> wanted =
                    format.getValue().stream().map(f -> before + f).toList();
            if (files.containsAll(wanted)) {
                return new Choice(format.getKey(), folder, wanted);
            }
        }
        TreeSet<String> has = new TreeSet<>();
        for (String file : files) {
            int slash = file.lastIndexOf('/');
            String name = file.substring(slash + 1);
            if (FILES.values().stream().anyMatch(f -> f.getLast().equals(name))) {
                has.add(slash < 0 ? "(its root)" : file.substring(0, slash));
            }
        }
        throw new NotFoundException("The repository " + id + " has no SAE in a format that Loupe reads at \"" + path
                + "\""
                + (has.isEmpty()
                        ? ", nor elsewhere."
                        : "; did you mean " + Nearest.to(path, has) + "? It has "
                                + has.stream().limit(12).collect(Collectors.joining(", "))
                                + (has.size() > 12 ? " and " + (has.size() - 12) + " more." : ".")));
    }

    /** The folder that the path means: {@code canonical} is looked up. */
    private String folder(List<String> files) {
        if (!path.equals(CANONICAL) && !path.endsWith("/" + CANONICAL)) {
            return path;
        }
        String beside = path.substring(0, path.length() - CANONICAL.length()) + L0;
        List<String> candidates = new ArrayList<>();
        for (String file : files) {
            int end = file.lastIndexOf('/');
            if (end > 0
                    && file.startsWith(beside)
                    && file.substring(beside.length(), end).matches("\\d{1,6}")) {
                candidates.add(file.substring(beside.length(), end));
            }
        }
        return candidates.stream()
                .map(Integer::valueOf)
                .min((a, b) -> {
                    int nearer = Double.compare(Math.abs(a - CANONICAL_L0), Math.abs(b - CANONICAL_L0));
                    return nearer != 0 ? nearer : Integer.compare(a, b);
                })
                .map(l0 -> beside + l0)
                .orElse(path);
    }
}
