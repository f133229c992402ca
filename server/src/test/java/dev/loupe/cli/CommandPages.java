package dev.loupe.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** The pages under {@code server/docs/commands}, one for each command, made from what the commands say of themselves. */
final class CommandPages {
    static final Path FOLDER = Path.of("docs/commands");

    private static final String RENEW = "-Dloupe.pages=renew";

    private CommandPages() {}

    /** Every page by file name. */
    static SortedMap<String, String> all() {
        SortedMap<String, String> pages = new TreeMap<>();
        CommandLine main = Main.line();
        StringBuilder index = new StringBuilder("# Commands\n\nMade from the command line itself; after a change:"
                + " `./loupe test -pl server -am -Dtest=CommandPagesTest -Dsurefire.failIfNoSpecifiedTests=false "
                + RENEW
                + "`.\n\nEvery command also takes these:\n\n");
        options(index, main);
        index.append("\n| command | does |\n|---|---|\n");
        for (Map.Entry<String, CommandLine> e : main.getSubcommands().entrySet()) {
            index.append("| [")
                    .append(e.getKey())
                    .append("](")
                    .append(e.getKey())
                    .append(".md) | ");
            index.append(cell(text(e.getValue().getCommandSpec().usageMessage().description())))
                    .append(" |\n");
            StringBuilder page = new StringBuilder();
            command(page, e.getValue(), "#");
            pages.put(e.getKey() + ".md", page.toString());
        }
        pages.put("README.md", index.toString());
        return pages;
    }

    /** Writes them. */
    static void write() throws IOException {
        Files.createDirectories(FOLDER);
        for (Map.Entry<String, String> page : all().entrySet()) {
            Files.writeString(FOLDER.resolve(page.getKey()), page.getValue());
        }
    }

    private static void command(StringBuilder page, CommandLine command, String level) {
        page.append(level)
                .append(' ')
                .append(command.getCommandSpec().qualifiedName())
                .append("\n\n");
        page.append(text(command.getCommandSpec().usageMessage().description())).append("\n\n");
        for (PositionalParamSpec p : command.getCommandSpec().positionalParameters()) {
            page.append("- `")
                    .append(p.paramLabel())
                    .append("`: ")
                    .append(text(p.description()))
                    .append('\n');
        }
        if (!command.getCommandSpec().positionalParameters().isEmpty()) {
            page.append('\n');
        }
        options(page, command);
        String footer = text(command.getCommandSpec().usageMessage().footer());
        if (!footer.isBlank()) {
            page.append('\n').append(footer.strip()).append('\n');
        }
        for (CommandLine sub : command.getSubcommands().values()) {
            page.append('\n');
            command(page, sub, level + "#");
        }
    }

    private static void options(StringBuilder page, CommandLine command) {
        List<OptionSpec> own = new ArrayList<>();
        for (OptionSpec o : command.getCommandSpec().options()) {
            boolean everywhere = o.inherited() || o.usageHelp() || o.versionHelp();
            if (!o.hidden() && (!everywhere || command.getParent() == null)) {
                own.add(o);
            }
        }
        if (own.isEmpty()) {
            return;
        }
        page.append("| option | meaning |\n|---|---|\n");
        for (OptionSpec o : own) {
            page.append("| `").append(String.join("`, `", o.names()));
            page.append(o.arity().max() > 0 ? " " + label(o) : "").append("`");
            page.append(o.required() ? " (required)" : "")
                    .append(" | ")
                    .append(cell(text(o.description())))
                    .append(" |\n");
        }
    }

    private static String label(ArgSpec o) {
        return o.paramLabel().replace("|", "\\|");
    }

    private static String text(String[] lines) {
        return String.join(" ", lines).replace("%n", " ").strip();
    }

    private static String cell(String text) {
        return text.replace("|", "\\|").replace("\n", " ");
    }
}
