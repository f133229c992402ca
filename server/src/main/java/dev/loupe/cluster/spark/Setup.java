package dev.loupe.cluster.spark;

/**
 * What Loupe tells its driver, and the driver the executors, before any work.
 *
 * @param probe a file with its own name in it that all machines must see: a path, or a name in the storage
 * @param storage address of a folder of a Hadoop file system; empty where machines share the workspace
 * @param workspace the workspace of Loupe's machine
 * @param launch how executors start Loupe
 */
public record Setup(String probe, String storage, String workspace, Launch launch) {
    /** As a text. */
    public String text() {
        return String.join("\n", probe, storage, workspace, launch.text());
    }

    static Setup of(String text) {
        String[] lines = text.split("\n", -1);
        return new Setup(lines[0], lines[1], lines[2], Launch.of(lines[3]));
    }
}
