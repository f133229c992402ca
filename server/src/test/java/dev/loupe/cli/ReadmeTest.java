package dev.loupe.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.fixtures.ProjectRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/** Every command that the README and the guides show is one that the command line takes, with every option. */
class ReadmeTest {
    /** Commands of a checkout, which the launcher takes itself. */
    private static final Set<String> LAUNCHER = Set.of("test", "bench", "dist");

    @Test
    void everyCommandOfTheDocsParses() throws IOException {
        List<Path> pages =
                new ArrayList<>(List.of(ProjectRoot.resolve("README.md"), ProjectRoot.resolve("CONTRIBUTING.md")));
        for (String module : List.of("activations-store", "sae-train", "server", "ui")) {
            try (Stream<Path> docs = Files.list(ProjectRoot.resolve(module + "/docs"))) {
                docs.filter(d -> d.toString().endsWith(".md") && !d.endsWith("decisions.md"))
                        .forEach(pages::add);
            }
        }
        int seen = 0;
        for (Path page : pages) {
            for (String line : commands(Files.readString(page))) {
                String first = line.split(" ", 2)[0];
                if (LAUNCHER.contains(first)) {
                    continue;
                }
                seen++;
                assertThat(wrong(line))
                        .as("%s: loupe %s", page.getFileName(), line)
                        .isEmpty();
            }
        }
        assertThat(seen).isGreaterThan(40);
    }

    @Test
    void whatDoesNotParseIsSeen() {
        assertThat(wrong("train --stoer mine")).contains("--stoer");
        assertThat(wrong("trian")).isNotEmpty();
        assertThat(wrong("capture --text t --tokens 5 --name n"))
                .as("no hook point")
                .isNotEmpty();
        assertThat(wrong("capture --text t … --name n")).isEmpty();
        assertThat(wrong("eval")).as("a name").isEmpty();
        assertThat(wrong("store verify")).as("a name").isEmpty();
        assertThat(wrong("export topk-s0")).as("no place to write to").isNotEmpty();
        assertThat(
                        commands(
                                "text\n```\n./loupe patch --a \\\n  --b   # comment\n```\nand `loupe eval X` or `./loupe serve`\n"))
                .containsExactly("patch --a --b", "eval X", "serve");
        assertThat(commands("```\nL=\"--on x --archives a\"   # where\n./loupe sweep f $L --store $HOME/x\n```\n"))
                .containsExactly("sweep f --on x --archives a --store HOME/x");
        assertThat(words("a \"b c\" 'd \"e' f=\"g h\"")).containsExactly("a", "b c", "d \"e", "f=g h");
        assertThatThrownBy(() -> words("a \"b")).hasMessageContaining("quote");
    }

    /** What the command line says against a command of a page; empty for nothing. */
    private static String wrong(String command) {
        List<String> words = new ArrayList<>(words(command));
        // an ellipsis stands for all that is needed, and a command that is only named needs nothing
        boolean whole = !words.removeIf(w -> w.equals("…") || w.equals("...")) && !isName(words);
        try {
            Main.line().parseArgs(words.toArray(String[]::new));
            return "";
        } catch (CommandLine.MissingParameterException e) {
            boolean option = e.getMissing().stream().anyMatch(CommandLine.Model.ArgSpec::isOption);
            return whole || option && e.getMessage().startsWith("Expected parameter") ? e.getMessage() : "";
        } catch (CommandLine.ParameterException e) {
            return String.valueOf(e.getMessage());
        }
    }

    /** Whether words are the name of a command, with nothing for it to work on. */
    private static boolean isName(List<String> words) {
        CommandLine line = Main.line();
        for (String word : words) {
            line = line.getSubcommands().get(word);
            if (line == null) {
                return false;
            }
        }
        return true;
    }

    /**
     * Commands of code blocks, a line each with its continuations, and those between single back quotes. Variables of the shell
     * have the value that a line of the page gives them, else that of their name.
     */
    static List<String> commands(String page) {
        Map<String, String> variables = new HashMap<>();
        Matcher set = Pattern.compile("(?m)^([A-Z_]+)=\"([^\"]*)\"").matcher(page);
        while (set.find()) {
            variables.put(set.group(1), set.group(2));
        }
        return raw(page).stream()
                .map(c -> Pattern.compile("\\$\\{?(\\w+)}?")
                        .matcher(c)
                        .replaceAll(m -> Matcher.quoteReplacement(variables.getOrDefault(m.group(1), m.group(1)))))
                .toList();
    }

    private static List<String> raw(String page) {
        List<String> all = new ArrayList<>();
        boolean block = false;
        StringBuilder joined = new StringBuilder();
        for (String line : page.lines().toList()) {
            if (line.strip().startsWith("```")) {
                block = !block;
                continue;
            }
            if (block) {
                joined.append(line.strip());
                if (line.endsWith("\\")) {
                    joined.setLength(joined.length() - 1);
                    continue;
                }
                String command =
                        joined.toString().replaceFirst("\\s+#\\s.*", "").replaceFirst(" {4,}.*", "");
                joined.setLength(0);
                if (command.startsWith("./loupe ") || command.startsWith("loupe ")) {
                    all.add(command.replaceFirst("^(\\./)?loupe\\s+", "")
                            .replaceAll(" +", " ")
                            .strip());
                }
            } else {
                String[] parts = line.split("`", -1);
                for (int i = 1; i + 1 < parts.length; i += 2) {
                    if (parts[i].matches("(\\./)?loupe .*")) {
                        all.add(parts[i].replaceFirst("^(\\./)?loupe\\s+", "").strip());
                    }
                }
            }
        }
        return all;
    }

    /** Words as a shell splits them. */
    static List<String> words(String line) {
        List<String> all = new ArrayList<>();
        StringBuilder word = new StringBuilder();
        boolean begun = false;
        char quote = 0;
        for (char c : line.toCharArray()) {
            if (quote != 0) {
                if (c == quote) {
                    quote = 0;
                } else {
                    word.append(c);
                }
            } else if (c == '"' || c == '\'') {
                quote = c;
                begun = true;
            } else if (c == ' ') {
                if (begun) {
                    all.add(word.toString());
                }
                word.setLength(0);
                begun = false;
            } else {
                word.append(c);
                begun = true;
            }
        }
        if (quote != 0) {
            throw new IllegalArgumentException("an open quote in " + line);
        }
        if (begun) {
            all.add(word.toString());
        }
        return all;
    }
}
