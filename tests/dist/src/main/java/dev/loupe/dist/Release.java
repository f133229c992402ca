package dev.loupe.dist;

import dev.loupe.base.LoupeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The files of a release: launcher, {@code .jvmopts}, {@code lib/} with every jar and the class path, notices and licences,
 * and the pages that the README leads to.
 *
 * @param root the checkout
 * @param classPath jars of the product in their order, PyTorch's library among them
 * @param bom what they are
 * @param version of Loupe
 * @param machine whose PyTorch library goes in; empty for none
 */
record Release(Path root, List<Path> classPath, Bom bom, String version, String machine) {
    /** The name of the folder that the archive unpacks to. */
    String name() {
        return "loupe-" + version;
    }

    /** Everything, ready to be written. */
    TarGz files() throws IOException {
        TarGz files = new TarGz();
        files.add("loupe", true, () -> Files.readAllBytes(root.resolve("loupe")));
        for (String file : List.of(".jvmopts", "LICENSE", "NOTICE")) {
            files.add(file, false, () -> Files.readAllBytes(root.resolve(file)));
        }
        for (String page : Pages.of(root)) {
            if (!page.equals("LICENSE") && !page.equals("NOTICE")) {
                files.add(page, false, () -> Files.readAllBytes(root.resolve(page)));
            }
        }
        files.add("THIRD-PARTY.md", Notices.thirdParty(bom, version));
        files.add("sbom.cdx.json", bom.json());
        for (Map.Entry<String, String> licence : bom.licenceTexts().entrySet()) {
            files.add("licences/" + licence.getKey() + ".txt", licence.getValue());
        }
        List<String> names = new ArrayList<>();
        for (Path jar : classPath) {
            String name = jar.getFileName().toString();
            if (!name.startsWith("pytorch-native")) {
                names.add(name);
                files.add("lib/" + name, false, () -> Files.readAllBytes(jar));
            }
        }
        files.add("lib/classpath", String.join(":", names) + "\n");
        files.add("lib/natives", Natives.text());
        if (!machine.isEmpty()) {
            Natives wanted = Natives.all().stream()
                    .filter(n -> n.machine().equals(machine))
                    .findFirst()
                    .orElseThrow(() -> new LoupeException("There is no PyTorch library for " + machine + "; there are "
                            + String.join(
                                    ", ",
                                    Natives.all().stream().map(Natives::machine).toList()) + "."));
            Path jar = classPath.stream()
                    .filter(p -> p.endsWith(wanted.file()))
                    .findFirst()
                    .orElseThrow(() -> new LoupeException("This machine has not the PyTorch library of " + machine
                            + ": an archive with it inside is packed on such a machine."));
            files.add("lib/" + wanted.file(), false, () -> Files.readAllBytes(jar));
        }
        return files;
    }
}
