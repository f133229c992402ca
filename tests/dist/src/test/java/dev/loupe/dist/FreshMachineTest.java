package dev.loupe.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The archive of what was just built, unpacked for somebody who has a JDK and nothing else: in a root folder of its own, with
 * no checkout, no Maven, no home and no network. How many tokens the demo takes: {@code -Dloupe.demo.tokens}.
 */
class FreshMachineTest {
    private static final Map<String, String> REPOSITORY = Map.of("LOUPE_MAVEN_URL", "file:///repository");

    @TempDir
    static Path machine;

    private static EmptyRoot root;

    @BeforeAll
    static void unpack() throws Exception {
        root = EmptyRoot.below(machine);
        String obstacle = root.obstacle();
        assumeTrue(obstacle.isEmpty(), () -> "no root folder of its own can be entered on this machine: " + obstacle);
        UnpackedRelease.into(root.path().resolve("opt"));
        UnpackedRelease.repository(root.path().resolve("repository"));
    }

    @Test
    void nothingOfThisMachineIsThere() throws Exception {
        for (String missing : List.of(
                "test ! -e " + machine, "test ! -e " + System.getProperty("user.dir"), "! mvn -v", "! git --version")) {
            assertThat(root.run(Map.of(), "/programs/sh", "-c", missing).code())
                    .as(missing)
                    .isZero();
        }
        assertThat(root.run(Map.of(), "/programs/sh", "-c", "cat /proc/net/dev").out())
                .contains("lo:")
                .hasLineCount(3);
    }

    @Test
    void helpVersionDoctorAndAModelWorkAndTheLibraryIsFetchedOnce() throws Exception {
        assertThat(loupe(Map.of(), "--help").out()).contains("Usage: loupe", "doctor");
        assertThat(loupe(Map.of(), "--version").out()).startsWith("loupe ");
        EmptyRoot.Outcome nowhere = loupe(Map.of("LOUPE_MAVEN_URL", "file:///nothing"), "model", "list");
        assertThat(nowhere.code()).isEqualTo(1);
        assertThat(nowhere.err()).contains("could not be fetched", "LOUPE_MAVEN_URL");
        EmptyRoot.Outcome first = loupe(REPOSITORY, "doctor");
        assertThat(first.err()).contains("First start on this machine: fetching PyTorch's library");
        assertThat(first.out()).contains("embedded model", "All is well.");
        EmptyRoot.Outcome patched = loupe(
                Map.of(),
                "patch",
                "--model",
                "builtin",
                "--method",
                "relp",
                "--sites",
                "resid_post",
                "--json",
                "--clean",
                "I would like to thank the rapporteur. I",
                "--corrupt",
                "We would like to thank the rapporteur. We",
                "--answer",
                " am",
                "--wrong",
                " are");
        assertThat(patched.err()).doesNotContain("fetching");
        assertThat(patched.code()).as(patched.err()).isZero();
        assertThat(patched.out()).contains("\"clean_difference\"");
    }

    @Test
    void theDemoRunsToItsEndAndIsKept() throws Exception {
        String tokens = System.getProperty("loupe.demo.tokens", "10000");
        EmptyRoot.Outcome demo = loupe(REPOSITORY, "demo", "--no-serve", "--tokens", tokens);
        assertThat(demo.code()).as(demo.err()).isZero();
        assertThat(demo.out())
                .contains("Done in")
                .contains("topk-2048-s0", "relu-2048-s1", "jumprelu-2048-s0", "topk-512-s1");
        System.out.println(demo.out());
        Path workspace = root.path().resolve("home/.loupe");
        try (Stream<Path> saes = Files.list(workspace.resolve("saes"))) {
            assertThat(saes.filter(s -> Files.exists(s.resolve("sae_weights.safetensors"))))
                    .as("eight SAEs and the control of one")
                    .hasSize(9);
        }
        assertThat(workspace.resolve("features/topk-2048-s0")).isDirectory();
        assertThat(workspace.resolve("activations/demo/store.json")).isRegularFile();
        EmptyRoot.Outcome again = loupe(Map.of(), "demo", "--no-serve", "--tokens", tokens);
        assertThat(again.out()).contains("Everything was there already.");
        EmptyRoot.Outcome other = loupe(Map.of(), "demo", "--no-serve", "--tokens", "12345");
        assertThat(other.code()).isEqualTo(2);
        assertThat(other.err()).contains("--tokens " + tokens);
    }

    /** Without the cache of a start, whose maker would go on behind the command: {@link AotCacheTest} is about that. */
    private static EmptyRoot.Outcome loupe(Map<String, String> more, String... arguments)
            throws IOException, InterruptedException {
        Map<String, String> variables = new HashMap<>(more);
        variables.put("LOUPE_NO_AOT", "1");
        String[] command = new String[arguments.length + 1];
        command[0] = "/opt/loupe-1/loupe";
        System.arraycopy(arguments, 0, command, 1, arguments.length);
        return root.run(variables, command);
    }
}
