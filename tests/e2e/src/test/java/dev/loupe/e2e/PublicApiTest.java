package dev.loupe.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.source.doctree.DocCommentTree;
import com.sun.source.doctree.ParamTree;
import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.ModifiersTree;
import com.sun.source.tree.Tree;
import com.sun.source.tree.VariableTree;
import com.sun.source.util.DocTrees;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TreePath;
import com.sun.source.util.TreePathScanner;
import dev.loupe.fixtures.ProjectRoot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.lang.model.element.Modifier;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;

/** What other programs build on says what it is: types, methods, constants, and the components of records. */
class PublicApiTest {
    /** The folders of {@link ArchitectureTest#MODULES}, in their order. */
    private static final List<String> FOLDERS = List.of("activations-store", "sae-train", "server", "ui");

    @Test
    void everything_public_is_documented() throws IOException {
        List<Path> files = new ArrayList<>();
        for (int m = 0; m < FOLDERS.size(); m++) {
            for (String room : ArchitectureTest.MODULES.get(m)) {
                Path folder = ProjectRoot.resolve(FOLDERS.get(m) + "/src/main/java/dev/loupe/" + room);
                try (Stream<Path> all = Files.walk(folder)) {
                    List<Path> own =
                            all.filter(f -> f.toString().endsWith(".java")).toList();
                    assertThat(own).as(room).isNotEmpty();
                    files.addAll(own);
                }
            }
        }
        Silent found = new Silent();
        scan(files, found);
        assertThat(found.seen).as("the test sees the API").isGreaterThan(4000);
        assertThat(found.missing).as("public, and not a word about it").isEmpty();
    }

    private static void scan(List<Path> files, Silent found) throws IOException {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        try (StandardJavaFileManager manager = compiler.getStandardFileManager(null, null, StandardCharsets.UTF_8)) {
            JavacTask task = (JavacTask) compiler.getTask(
                    null, manager, null, List.of("-proc:none"), null, manager.getJavaFileObjectsFromPaths(files));
            found.docs = DocTrees.instance(task);
            for (CompilationUnitTree unit : task.parse()) {
                found.scan(unit, null);
            }
        }
    }

    /** Collects what is public all the way up and has no comment. */
    private static final class Silent extends TreePathScanner<Void, Void> {
        private final Set<String> missing = new TreeSet<>();
        private DocTrees docs;
        private int seen;

        @Override
        public Void visitClass(ClassTree type, Void nothing) {
            if (!isPublic(type.getModifiers())) {
                return null; // nor is anything inside
            }
            check(type.getSimpleName().toString());
            if (type.getKind() == Tree.Kind.RECORD) {
                components(type);
            }
            return super.visitClass(type, nothing);
        }

        @Override
        public Void visitMethod(MethodTree method, Void nothing) {
            boolean overrides = method.getModifiers().getAnnotations().stream()
                    .anyMatch(a -> a.getAnnotationType().toString().equals("Override"));
            if (isPublic(method.getModifiers()) && !overrides && !isGenerated(method)) {
                check(method.getName().toString());
            }
            return null; // what is inside is nobody's business
        }

        @Override
        public Void visitVariable(VariableTree field, Void nothing) {
            boolean component = outer().getKind() == Tree.Kind.RECORD
                    && !field.getModifiers().getFlags().contains(Modifier.STATIC);
            if (isPublic(field.getModifiers()) && !component) {
                check(field.getName().toString());
            }
            return null;
        }

        private ClassTree outer() {
            return (ClassTree) getCurrentPath().getParentPath().getLeaf();
        }

        /** Members of interfaces are public without the word. */
        private boolean isPublic(ModifiersTree modifiers) {
            Tree parent = getCurrentPath().getParentPath().getLeaf();
            return modifiers.getFlags().contains(Modifier.PUBLIC)
                    || parent instanceof ClassTree c
                            && c.getKind() == Tree.Kind.INTERFACE
                            && !modifiers.getFlags().contains(Modifier.PRIVATE);
        }

        /** A constructor that the compiler adds stands where its class stands. */
        private boolean isGenerated(MethodTree method) {
            return docs.getSourcePositions().getEndPosition(getCurrentPath().getCompilationUnit(), method) < 0;
        }

        private void check(String name) {
            seen++;
            if (docs.getDocComment(getCurrentPath()) == null) {
                missing.add(place() + name);
            }
        }

        private void components(ClassTree type) {
            DocCommentTree comment = docs.getDocCommentTree(getCurrentPath());
            Set<String> said = comment == null
                    ? Set.of()
                    : comment.getBlockTags().stream()
                            .filter(ParamTree.class::isInstance)
                            .map(p -> ((ParamTree) p).getName().toString())
                            .collect(Collectors.toSet());
            List<String> names = type.getMembers().stream()
                    .filter(VariableTree.class::isInstance)
                    .map(VariableTree.class::cast)
                    .filter(v -> !v.getModifiers().getFlags().contains(Modifier.STATIC))
                    .map(v -> v.getName().toString())
                    .toList();
            seen += names.size();
            // a record of one or two components may say in its sentence what they are
            if (names.size() > 2) {
                names.stream()
                        .filter(n -> !said.contains(n))
                        .forEach(n -> missing.add(place() + type.getSimpleName() + " @param " + n));
            }
        }

        private String place() {
            TreePath up = getCurrentPath().getParentPath();
            return up.getLeaf() instanceof ClassTree c ? c.getSimpleName() + "." : "";
        }
    }
}
