package dev.loupe.cluster.spark;

/**
 * What Loupe tells its driver, and the driver the executors, before any work.
 *
 * @param probe a file that all machines must see, with its own name in it: a path; for a storage what is to be in it, and
 *     once it is there its name
 * @param storage address of a folder of a Hadoop file system; empty where machines share the workspace
 * @param workspace the workspace of Loupe's machine
 * @param process number of Loupe's process
 * @param launch how executors start Loupe
 */
public record Setup(String probe, String storage, String workspace, long process, Launch launch) {
    /** As a text. */
    public String text() {
        return String.join("\n", probe, storage, workspace, Long.toString(process), launch.text());
    }

    /** The same with another file to look for. */
    Setup at(String found) {
        return new Setup(found, storage, workspace, process, launch);
    }

    static Setup of(String text) {
        String[] lines = text.split("\n", -1);
        return new Setup(lines[0], lines[1], lines[2], Long.parseLong(lines[3]), Launch.of(lines[4]));
    }
}
