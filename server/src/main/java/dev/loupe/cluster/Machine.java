package dev.loupe.cluster;

import dev.loupe.base.LoupeException;

/**
 * What an executor says of itself when it begins.
 *
 * @param executor Spark's name for it
 * @param host where it runs
 * @param java version of the Java that Loupe would run on there; {@code none} without one, and with
 *     {@value #RUNTIME_ONLY} behind it where it has no compiler though Loupe's archive needs one to start
 * @param spark version of Spark there
 * @param probe content of the probe file as seen from there; empty if it cannot be read
 * @param loupe whether the archive holds Loupe
 * @param memory bytes for tasks: what the machine or the container has beside Spark's own JVM
 * @param contained whether that memory is this executor's alone, and it is killed when it takes more
 * @param processor what its processor can do that decides the bits of results
 * @param missing the file or folder of a model that the work needs and that cannot be read there; empty if it can
 */
record Machine(
        String executor,
        String host,
        String java,
        String spark,
        String probe,
        boolean loupe,
        long memory,
        boolean contained,
        String processor,
        String missing) {
    private static final int LEAST_UPDATE = 3;
    private static final String RUNTIME_ONLY = " without javac";

    static Machine of(String text) {
        String[] lines = text.split("\n", -1);
        return new Machine(
                lines[0],
                lines[1],
                lines[2],
                lines[3],
                lines[4],
                lines[5].equals("yes"),
                Long.parseLong(lines[6]),
                lines[7].equals("contained"),
                lines[8],
                lines.length > 9 ? lines[9] : "");
    }

    /**
     * Looks whether Loupe can work there.
     *
     * @throws LoupeException if not, in a sentence
     */
    void check(ClusterOptions options, String wanted) {
        String where = "Executor " + executor + " on " + host;
        String version = java.replace(RUNTIME_ONLY, "");
        if (!fits(version)) {
            throw new LoupeException(where + " has "
                    + (java.equals("none") ? "no JDK" : "Java " + version)
                    + " for Loupe, which needs a JDK 25.0.3 or a later 25: install one there and name its folder with"
                    + " --conf spark.executorEnv.LOUPE_JAVA_HOME=DIR.");
        }
        if (java.endsWith(RUNTIME_ONLY)) {
            throw new LoupeException(where + " has a Java " + version + " without a compiler (bin/javac), but Loupe's"
                    + " archive needs a JDK to start: install one there and name its folder with"
                    + " --conf spark.executorEnv.LOUPE_JAVA_HOME=DIR.");
        }
        if (!spark.startsWith(SparkHome.VERSION.substring(0, SparkHome.VERSION.lastIndexOf('.') + 1))) {
            throw new LoupeException(where + " runs Spark " + spark + ", but Loupe works with Spark "
                    + SparkHome.VERSION + ": use a cluster of that version.");
        }
        if (probe.startsWith("!")) {
            throw new LoupeException(where + " cannot use the storage: " + probe.substring(1) + ".");
        }
        if (probe.startsWith("?")) {
            throw new LoupeException(where + " sees the folder " + options.workspace() + ", but may not write in it ("
                    + probe.substring(1) + "): mount it there for writing, and have executors run as the user of this"
                    + " command.");
        }
        if (!probe.equals(wanted)) {
            throw new LoupeException(where + " does not see the folder " + options.workspace()
                    + ", which all machines must share under one path: mount it there, or choose another --workspace.");
        }
        if (!missing.isEmpty()) {
            throw new LoupeException(where + " does not see " + missing + " of the model"
                    + ": mount it there under the same path, or copy the model to "
                    + options.workspace().resolve("models") + " and give that name.");
        }
        if (!loupe) {
            throw new LoupeException(where + " finds no program loupe in the archive " + options.archive()
                    + ": give the release archive that ./loupe dist makes.");
        }
    }

    private static boolean fits(String version) {
        String[] parts = version.split("[^0-9]+");
        if (parts.length == 0 || !parts[0].equals("25")) {
            return false;
        }
        int minor = parts.length > 1 ? Integer.parseInt(parts[1]) : 0;
        int update = parts.length > 2 ? Integer.parseInt(parts[2]) : 0;
        return minor > 0 || update >= LEAST_UPDATE;
    }
}
