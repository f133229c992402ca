package dev.loupe.dist;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Checksums;
import dev.loupe.base.Json;
import dev.loupe.fixtures.ProjectRoot;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** What a release holds of others: each part has a licence, none is commercial, and the fetched ones are pinned. */
class LicencesTest {
    /** Licences that ask for no fee: a jar must offer one of them, so that whatever is new is looked at. */
    private static final Set<String> FREE = Set.of(
            "Apache-2.0",
            "MIT",
            "MIT-0",
            "BSD-2-Clause",
            "BSD-3-Clause",
            "EPL-2.0",
            "Go License",
            "(CDDL-1.0 OR GPL-2.0-with-classpath-exception)");

    /** How commercial components call their licence, in their own files. */
    private static final Pattern FOR_A_FEE =
            Pattern.compile("(?i)Commercial Vaadin Developer License|Vaadin Commercial License|\\bCVDL");

    private static final Pattern SAYS_THE_LICENCE =
            Pattern.compile("(?i)META-INF/(?:.*/)?(?:pom\\.xml|[^/]*(?:licen[cs]e|notice)[^/]*)");

    /** A second net: Vaadin's commercial components, as its platform names them. */
    private static final List<String> COMMERCIAL = List.of(
            "board", "charts", "crud", "dashboard", "grid-pro", "map", "rich-text-editor", "spreadsheet", "testbench");

    private static final Bom BOM = Bom.read(ProjectRoot.resolve("tests/dist/target/bom.json"));

    @Test
    void everyJarHasALicenceThatAllowsUseWithoutAFee() {
        assertThat(BOM.jars()).hasSizeGreaterThan(100).allSatisfy(p -> {
            assertThat(isFree(p.licence())).as(p.name() + ": " + p.licence()).isTrue();
        });
        assertThat(BOM.licenceTexts()).containsKeys("Apache-2.0", "MIT", "EPL-2.0");
        assertThat(Bom.behind()).extracting(Bom.Part::name).contains("Intel oneAPI Math Kernel Library", "oneDNN");
    }

    @Test
    void aLicenceForAFeeIsSeen() throws IOException {
        assertThat(List.of(
                        "",
                        "Vaadin Commercial License and Service Terms",
                        "https://vaadin.com/commercial-license-and-service-terms",
                        "Commercial Vaadin Developer License 4.0 OR Apache-2.0",
                        "Proprietary"))
                .noneMatch(LicencesTest::isFree);
        assertThat(isFree("LGPL-2.1-or-later OR Apache-2.0")).isTrue();
        Path jar = Files.createTempFile("component", ".jar");
        try {
            for (String[] file : new String[][] {
                {"META-INF/MANIFEST.MF", "Manifest-Version: 1.0\nCvdlName: vaadin-new\n"},
                {"META-INF/maven/com.vaadin/new/pom.xml", "<name>Vaadin Commercial License</name>"},
                {"META-INF/LICENSE.txt", "Commercial Vaadin Developer License"}
            }) {
                try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(jar))) {
                    zip.putNextEntry(new ZipEntry(file[0]));
                    zip.write(file[1].getBytes(StandardCharsets.UTF_8));
                }
                assertThat(commercial(jar)).as(file[0]).isNotEmpty();
            }
        } finally {
            Files.delete(jar);
        }
    }

    /** Whether one of the licences offered is free and none has a price. */
    private static boolean isFree(String licence) {
        return (FREE.contains(licence) || Arrays.stream(licence.split(" OR ")).anyMatch(FREE::contains))
                && !licence.toLowerCase(Locale.ROOT).matches(".*(commercial|cvdl|proprietary).*");
    }

    /** What in a jar says that it is a commercial component. */
    private static List<String> commercial(Path jar) throws IOException {
        List<String> signs = new ArrayList<>();
        try (JarFile file = new JarFile(jar.toFile())) {
            if (file.getManifest() != null
                    && file.getManifest().getMainAttributes().getValue("CvdlName") != null) {
                signs.add("CvdlName in the manifest");
            }
            for (JarEntry e : (Iterable<JarEntry>) file.stream()::iterator) {
                if (SAYS_THE_LICENCE.matcher(e.getName()).matches() && !e.isDirectory()) {
                    try (InputStream in = file.getInputStream(e)) {
                        String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
                        if (FOR_A_FEE.matcher(text).find()) {
                            signs.add(e.getName());
                        }
                    }
                }
            }
        }
        return signs;
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
            assertThat(commercial(jar)).as(name).isEmpty();
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

    /** Scripts that a build packs into the pages are named where licences are. */
    @Test
    void everyScriptOfThePagesIsNamed() throws IOException {
        List<String> named = new ArrayList<>();
        for (JsonNode row :
                Json.tree(ProjectRoot.resolve("tests/dist/src/main/resources/dev/loupe/dist/behind.json"))) {
            row.path("npm").forEach(name -> named.add(name.asString("")));
        }
        List<String> packed = new ArrayList<>();
        try (ZipInputStream zip =
                new ZipInputStream(Files.newInputStream(ProjectRoot.resolve("ui/src/main/bundles/prod.bundle")))) {
            for (ZipEntry e = zip.getNextEntry(); e != null; e = zip.getNextEntry()) {
                if (e.getName().endsWith("stats.json")) {
                    Json.MAPPER
                            .readTree(zip.readAllBytes())
                            .path("npmModules")
                            .propertyNames()
                            .forEach(packed::add);
                }
            }
        }
        assertThat(packed)
                .hasSizeGreaterThan(20)
                .allSatisfy(module -> assertThat(named)
                        .as(module)
                        .anyMatch(name -> name.endsWith("/*")
                                ? module.startsWith(name.substring(0, name.length() - 1))
                                : module.equals(name)));
        assertThat(named)
                .as("what is named is there")
                .allSatisfy(name -> assertThat(packed)
                        .anyMatch(module -> module.equals(name) || module.startsWith(name.replace("*", ""))));
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
