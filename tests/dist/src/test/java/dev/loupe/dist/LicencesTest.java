package dev.loupe.dist;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Checksums;
import dev.loupe.base.Json;
import dev.loupe.fixtures.ProjectRoot;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.jar.JarFile;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.junit.jupiter.api.Test;

/** What a release holds of others: each part has a licence, none is commercial, and the fetched ones are pinned. */
class LicencesTest {
    /** Vaadin's commercial components, as its platform names them. */
    private static final List<String> COMMERCIAL = List.of(
            "board", "charts", "crud", "dashboard", "grid-pro", "map", "rich-text-editor", "spreadsheet", "testbench");

    private static final Bom BOM = Bom.read(ProjectRoot.resolve("tests/dist/target/bom.json"));

    @Test
    void everyJarHasALicenceThatAllowsUseWithoutAFee() {
        assertThat(BOM.jars()).hasSizeGreaterThan(100).allSatisfy(p -> {
            assertThat(p.licence()).as(p.name()).isNotEmpty();
            assertThat(p.licence().toLowerCase(java.util.Locale.ROOT))
                    .as(p.name())
                    .doesNotContain("commercial", "cvdl", "proprietary");
        });
        assertThat(BOM.licenceTexts()).containsKeys("Apache-2.0", "MIT", "EPL-2.0");
        assertThat(Bom.behind()).extracting(Bom.Part::name).contains("Intel oneAPI Math Kernel Library", "oneDNN");
    }

    @Test
    void noJarIsACommercialComponentOfVaadin() throws IOException {
        List<Path> jars = Arrays.stream(Files.readString(ProjectRoot.resolve("tests/dist/target/classpath"))
                        .strip()
                        .split(File.pathSeparator))
                .map(Path::of)
                .filter(Files::isRegularFile)
                .toList();
        assertThat(jars).hasSizeGreaterThan(100);
        for (Path jar : jars) {
            String name = jar.getFileName().toString();
            assertThat(COMMERCIAL).noneMatch(c -> name.startsWith("vaadin-" + c + "-flow"));
            try (JarFile file = new JarFile(jar.toFile())) {
                if (file.getManifest() != null) {
                    assertThat(file.getManifest().getMainAttributes().getValue("CvdlName"))
                            .as(name)
                            .isNull();
                }
            }
        }
    }

    @Test
    void thePagesHoldNoCommercialComponent() throws IOException {
        int scripts = 0;
        try (ZipInputStream zip =
                new ZipInputStream(Files.newInputStream(ProjectRoot.resolve("ui/src/main/bundles/prod.bundle")))) {
            for (ZipEntry e = zip.getNextEntry(); e != null; e = zip.getNextEntry()) {
                if (e.getName().endsWith("stats.json")) {
                    assertThat(Json.MAPPER
                                    .readTree(zip.readAllBytes())
                                    .path("cvdlModules")
                                    .size())
                            .isZero();
                } else if (e.getName().endsWith(".js")) {
                    String script = new String(zip.readAllBytes(), StandardCharsets.UTF_8);
                    assertThat(script).as(e.getName()).doesNotContain("cvdlName");
                    assertThat(COMMERCIAL)
                            .as(e.getName())
                            .noneMatch(
                                    c -> script.contains("vaadin-" + c + "\"") || script.contains("vaadin-" + c + "`"));
                    scripts++;
                }
            }
        }
        assertThat(scripts).isPositive();
    }

    @Test
    void theFetchedLibrariesAreThoseOfTheBuild() throws IOException {
        String pom = Files.readString(ProjectRoot.resolve("pom.xml"));
        assertThat(Natives.all())
                .extracting(Natives::machine)
                .containsExactly("linux-x86_64", "linux-aarch64", "osx-aarch64");
        for (Natives n : Natives.all()) {
            String version = n.path().split("/")[4];
            assertThat(pom).contains("<pytorch.version>" + version + "</pytorch.version>");
            assertThat(n.sha256()).matches("[0-9a-f]{64}");
        }
        Path here = Arrays.stream(Files.readString(ProjectRoot.resolve("tests/dist/target/classpath"))
                        .strip()
                        .split(File.pathSeparator))
                .map(Path::of)
                .filter(p -> p.getFileName().toString().startsWith("pytorch-native"))
                .findFirst()
                .orElseThrow();
        Natives pinned = Natives.all().stream()
                .filter(n -> here.endsWith(n.file()))
                .findFirst()
                .orElseThrow();
        assertThat(Files.size(here)).isEqualTo(pinned.bytes());
        assertThat(Checksums.sha256(here)).isEqualTo(pinned.sha256());
    }
}
