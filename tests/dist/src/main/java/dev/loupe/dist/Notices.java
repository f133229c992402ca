package dev.loupe.dist;

import java.util.List;

/** The page of everything that others have made and a release holds or fetches. */
final class Notices {
    private Notices() {}

    static String thirdParty(Bom bom, String version) {
        StringBuilder page = new StringBuilder("""
                # What Loupe %s is made of

                Loupe itself is under the Apache License 2.0. Below is everything in this archive, or fetched by it, that others
                have made. The texts of the licences are in `licences/`, where a jar holds none of its own; the same list for
                programs is `sbom.cdx.json` (CycloneDX).

                ## Jars in `lib/`

                | library | version | licence |
                |---|---|---|
                """.formatted(version));
        for (Bom.Part p : bom.jars()) {
            page.append("| ").append(link(p)).append(" | ").append(p.version()).append(" | ");
            page.append(p.licence().isEmpty() ? "see its jar" : p.licence()).append(" |\n");
        }
        page.append("""

                ## Inside the jars, and inside PyTorch's library

                PyTorch's library (libtorch) is not in the archive. The first command that computes fetches the one for the
                machine from Maven's central repository, where DJL publishes it; its parts are named here so that nobody has
                to guess what runs.

                | part | licence | where |
                |---|---|---|
                """);
        for (Bom.Part p : Bom.behind()) {
            page.append("| ").append(link(p)).append(p.version().isEmpty() ? "" : " " + p.version());
            page.append(" | ")
                    .append(p.licence())
                    .append(" | ")
                    .append(p.inside())
                    .append(" |\n");
        }
        page.append("\n| library for | SHA-256 |\n|---|---|\n");
        for (Natives n : Natives.all()) {
            page.append("| ")
                    .append(n.machine())
                    .append(" | `")
                    .append(n.sha256())
                    .append("` |\n");
        }
        return page.toString();
    }

    /** Jars whose licence the build could not name. */
    static List<Bom.Part> nameless(Bom bom) {
        return bom.jars().stream().filter(p -> p.licence().isEmpty()).toList();
    }

    private static String link(Bom.Part p) {
        return p.url().isEmpty() ? p.name() : "[" + p.name() + "](" + p.url() + ")";
    }
}
