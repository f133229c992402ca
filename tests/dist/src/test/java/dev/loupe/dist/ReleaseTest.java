package dev.loupe.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.fixtures.ProjectRoot;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.compressors.gzip.GzipCompressorInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What an archive looks like, and that nothing but the content decides its bytes. */
class ReleaseTest {
    private static final long TIME = Instant.parse("2026-01-02T03:04:05Z").getEpochSecond();

    @TempDir
    Path folder;

    @Test
    void theSameContentGivesTheSameBytesWheneverAndWhereverItLies() throws IOException {
        byte[] first = packed(checkout("a", 1_000_000), "");
        byte[] second = packed(checkout("somewhere/else", 2_000_000_000), "");
        assertThat(second).isEqualTo(first);
        byte[] other = packed(checkout("c", 1), "changed");
        assertThat(other).isNotEqualTo(first);
    }

    @Test
    void entriesAreSortedOwnedByRootAndOfOneTime() throws IOException {
        List<String> names = new ArrayList<>();
        try (TarArchiveInputStream tar = new TarArchiveInputStream(
                new GzipCompressorInputStream(new ByteArrayInputStream(packed(checkout("a", 5), ""))))) {
            for (TarArchiveEntry e = tar.getNextEntry(); e != null; e = tar.getNextEntry()) {
                names.add(e.getName());
                assertThat(e.getLastModifiedTime().toInstant().getEpochSecond()).isEqualTo(TIME);
                assertThat(e.getUserName()).isEqualTo("root");
                assertThat(e.getLongUserId()).isZero();
                boolean runs = e.isDirectory() || e.getName().endsWith("/loupe");
                assertThat(e.getMode() & 0777).as(e.getName()).isEqualTo(runs ? 0755 : 0644);
                if (e.getName().endsWith("lib/classpath")) {
                    assertThat(new String(tar.readAllBytes(), StandardCharsets.UTF_8))
                            .as("Maven's order, PyTorch's library left out")
                            .isEqualTo("z.jar:a.jar\n");
                }
            }
        }
        assertThat(names.stream().filter(n -> !n.endsWith("/"))).isSorted();
        assertThat(names)
                .doesNotHaveDuplicates()
                .contains("loupe-9/loupe", "loupe-9/lib/a.jar", "loupe-9/lib/natives", "loupe-9/NOTICE")
                .noneMatch(n -> n.contains("pytorch-native"));
    }

    /** A reader of the release's README finds every page and picture that it names, and those find theirs. */
    @Test
    void noLinkOfAPackedPageLeadsNowhere() throws IOException {
        Path root = ProjectRoot.path();
        SortedSet<String> pages = Pages.of(root);
        assertThat(pages)
                .contains("README.md", "CHANGELOG.md", "server/docs/numbers.md", "server/docs/cluster.md")
                .hasSizeGreaterThan(30)
                .allSatisfy(page -> assertThat(root.resolve(page)).isRegularFile());
        for (String page : pages) {
            if (page.endsWith(".md")) {
                for (String target : Pages.links(page, Files.readString(root.resolve(page)))) {
                    assertThat(pages)
                            .as("%s leads to %s", page, target)
                            .anyMatch(p -> p.equals(target) || p.startsWith(target + "/"));
                }
            }
        }
    }

    @Test
    void linksAreFoundInTextPicturesAndFoldersAndThoseOfTheNetworkAreNot() throws IOException {
        Path root = checkout("links", 1);
        Files.writeString(
                root.resolve("README.md"), "[a](docs/a.md#part), <img src=\"docs/p.png\">, [n](https://x.org/y)");
        Files.createDirectories(root.resolve("docs/more"));
        Files.writeString(root.resolve("docs/a.md"), "[back](../README.md#top) [all](more)");
        Files.writeString(root.resolve("docs/more/b.md"), "[c](../c.md)");
        Files.writeString(root.resolve("docs/c.md"), "no links");
        Files.writeString(root.resolve("docs/p.png"), "picture");
        assertThat(Pages.of(root))
                .containsExactly("CHANGELOG.md", "README.md", "docs/a.md", "docs/c.md", "docs/more/b.md", "docs/p.png");
        Files.delete(root.resolve("docs/c.md"));
        assertThatThrownBy(() -> Pages.of(root)).isInstanceOf(NoSuchFileException.class);
    }

    private byte[] packed(Path root, String change) throws IOException {
        Path bom = root.resolve("bom.json");
        Files.writeString(bom, "{\"components\": [], \"metadata\": {}}");
        Path z = Files.writeString(root.resolve("z.jar"), "z" + change);
        Path a = Files.writeString(root.resolve("a.jar"), "a");
        Path torch = Files.writeString(root.resolve("pytorch-native-cpu-1-linux-x86_64.jar"), "t");
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        Release release = new Release(root, List.of(z, torch, a), Bom.read(bom), "9", "");
        release.files().write(out, release.name(), TIME);
        return out.toByteArray();
    }

    private Path checkout(String name, long time) throws IOException {
        Path root = Files.createDirectories(folder.resolve(name));
        for (String file : List.of("loupe", ".jvmopts", "LICENSE", "NOTICE", "README.md", "CHANGELOG.md")) {
            Files.writeString(root.resolve(file), "content of " + file);
            Files.setLastModifiedTime(root.resolve(file), FileTime.from(Instant.ofEpochSecond(time)));
        }
        return root;
    }
}
