package dev.loupe.service;

import dev.loupe.base.UsageException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/**
 * YAML as settings need it: plain maps, lists, texts, numbers; no types of a language. What is small as a file and huge when
 * it is read (aliases of aliases), or has no end (a map inside itself), is refused.
 */
public final class SafeYaml {
    private static final int MOST_VALUES = 20_000;
    private static final int MOST_CHARACTERS = 1 << 20;
    private static final int DEEPEST = 32;

    private SafeYaml() {}

    /**
     * Reads a file.
     *
     * @throws UsageException if it cannot be read or is no such YAML, in one sentence
     */
    public static @Nullable Object read(Path file) {
        try {
            if (Files.size(file) > MOST_CHARACTERS) {
                throw new UsageException("The file " + file + " is longer than settings are (1 MiB).");
            }
            return parse(Files.readString(file));
        } catch (CharacterCodingException e) {
            throw new UsageException("The file " + file + " is not UTF-8; convert it, for example with iconv.");
        } catch (IOException e) {
            throw new UsageException("The file " + file + " cannot be read (" + e.getMessage() + ").");
        } catch (YamlEngineException e) {
            throw new UsageException("The file " + file + " is not YAML (" + first(e) + ").");
        }
    }

    /**
     * Reads a text.
     *
     * @throws YamlEngineException if it is no such YAML
     */
    public static @Nullable Object parse(String text) {
        try {
            Object tree = new Load(LoadSettings.builder()
                            .setCodePointLimit(MOST_CHARACTERS)
                            .setMaxAliasesForCollections(50)
                            .setAllowRecursiveKeys(false)
                            .build())
                    .loadFromString(text);
            count(tree, 0, 0);
            return tree;
        } catch (StackOverflowError e) {
            throw new YamlEngineException("it is nested too deeply");
        } catch (IllegalArgumentException | IndexOutOfBoundsException | ClassCastException e) {
            throw new YamlEngineException("it is damaged");
        }
    }

    private static int count(@Nullable Object node, int before, int depth) {
        int n = before + 1;
        if (n > MOST_VALUES || depth > DEEPEST) {
            throw new YamlEngineException("it unfolds to more values than settings have");
        }
        if (node instanceof Map<?, ?> map) {
            for (Map.Entry<?, ?> e : map.entrySet()) {
                n = count(e.getValue(), count(e.getKey(), n, depth + 1), depth + 1);
            }
        } else if (node instanceof Iterable<?> list) {
            for (Object value : list) {
                n = count(value, n, depth + 1);
            }
        }
        return n;
    }

    private static String first(YamlEngineException e) {
        List<String> lines = String.valueOf(e.getMessage()).lines().toList();
        return lines.isEmpty() ? "unreadable" : lines.getFirst();
    }
}
