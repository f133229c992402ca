package dev.loupe.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.SourcePositions;
import com.sun.source.util.TreeScanner;
import com.sun.source.util.Trees;
import dev.loupe.fixtures.ProjectRoot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;

/** Rules over the source files that no compiler checks. */
class SourceRulesTest {
    private static final List<String> MODULES =
            List.of("activations-store", "sae-train", "server", "ui", "tests/fixtures", "tests/bench", "tests/dist");

    private static final int LONGEST_FILE = 400;
    private static final int LONGEST_METHOD = 80;

    /** Ways to make markup from strings, through which the text of a token could become part of the page. */
    private static final Pattern MARKUP_FROM_STRINGS = Pattern.compile(
            "\\binnerHTML\\b|\\bouterHTML\\b|\\binsert\\w+HTML\\b|\\bdocument\\.write|\\bcreateContextualFragment\\b"
                    + "|\\bDOMParser\\b|\\bsetHTML|new Html\\(");

    @Test
    void every_package_says_what_belongs_there_and_is_null_marked() throws IOException {
        List<Path> packages = new ArrayList<>();
        for (String module : MODULES) {
            for (Path file : files(ProjectRoot.resolve(module).resolve("src/main/java"), ".java")) {
                if (!packages.contains(file.getParent())) {
                    packages.add(file.getParent());
                }
            }
        }
        assertThat(packages)
                .hasSizeGreaterThan(20)
                .allSatisfy(folder -> assertThat(folder.resolve("package-info.java"))
                        .exists()
                        .content()
                        .contains("@NullMarked")
                        .contains("/**"));
    }

    @Test
    void the_web_pages_make_no_markup_from_strings() throws IOException {
        List<Path> files = new ArrayList<>();
        for (String module : List.of("ui", "server")) {
            Path sources = ProjectRoot.resolve(module).resolve("src/main");
            files.addAll(files(sources, ".js"));
            files.addAll(files(sources, ".java"));
            files.addAll(files(sources, ".html"));
        }
        assertThat(files)
                .isNotEmpty()
                .allSatisfy(file -> assertThat(MARKUP_FROM_STRINGS
                                .matcher(Files.readString(file))
                                .results()
                                .map(r -> r.group()))
                        .as("%s: text of tokens reaches the page by textContent only", file)
                        .isEmpty());
    }

    @Test
    void no_file_is_longer_than_400_lines() throws IOException {
        List<Path> all = new ArrayList<>(sources());
        int java = all.size();
        for (String ending : List.of(".js", ".css", ".cu", ".cuh", ".cpp", ".hpp", ".inc", ".sh", ".py")) {
            for (String folder : List.of("sae-train/src", "server/src", "ui/src/main/resources", "tests/python")) {
                all.addAll(files(ProjectRoot.resolve(folder), ending));
            }
        }
        assertThat(all).hasSizeGreaterThan(java + 60);
        all.addAll(List.of(
                ProjectRoot.resolve("loupe"),
                ProjectRoot.resolve("tests/run-tests.sh"),
                ProjectRoot.resolve("tests/run-readme.sh")));
        for (Path file : all) {
            try (Stream<String> lines = Files.lines(file)) {
                assertThat(lines.count()).as(file.toString()).isLessThanOrEqualTo(LONGEST_FILE);
            }
        }
    }

    @Test
    void a_method_of_more_than_80_lines_says_why() throws IOException {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        List<String> unexplained = new ArrayList<>();
        try (StandardJavaFileManager manager = compiler.getStandardFileManager(null, null, StandardCharsets.UTF_8)) {
            JavacTask task = (JavacTask) compiler.getTask(
                    null,
                    manager,
                    d -> {},
                    List.of("-proc:none"),
                    null,
                    manager.getJavaFileObjectsFromPaths(sources()));
            SourcePositions positions = Trees.instance(task).getSourcePositions();
            for (CompilationUnitTree unit : task.parse()) {
                String text = unit.getSourceFile().getCharContent(true).toString();
                new TreeScanner<Void, Void>() {
                    @Override
                    public Void visitMethod(MethodTree method, Void nothing) {
                        int start = (int) positions.getStartPosition(unit, method);
                        int end = (int) positions.getEndPosition(unit, method);
                        if (method.getBody() != null
                                && text.substring(start, end).lines().count() > LONGEST_METHOD
                                && !text.substring(start, end).contains("// long: ")) {
                            unexplained.add(unit.getSourceFile().getName() + " " + method.getName());
                        }
                        return super.visitMethod(method, nothing);
                    }
                }.scan(unit, null);
            }
        }
        assertThat(unexplained)
                .as("a comment \"// long: why\" inside, or shorter methods")
                .isEmpty();
    }

    /** Every source of the house, its tests too. */
    private static List<Path> sources() throws IOException {
        List<Path> all = new ArrayList<>();
        for (String module : List.of(
                "activations-store",
                "sae-train",
                "server",
                "ui",
                "tests/fixtures",
                "tests/e2e",
                "tests/bench",
                "tests/dist")) {
            all.addAll(files(ProjectRoot.resolve(module).resolve("src"), ".java"));
        }
        assertThat(all).hasSizeGreaterThan(1000);
        return all;
    }

    private static List<Path> files(Path folder, String ending) throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(f -> f.toString().endsWith(ending)).toList();
        }
    }
}
