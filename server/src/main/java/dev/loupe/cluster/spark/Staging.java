package dev.loupe.cluster.spark;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The driver's side of a storage: puts there what tasks need, brings what they give into the workspace of this machine, and
 * puts finished folders there under their names. What belongs to one task lies in a folder of that task, which goes with it.
 */
final class Staging {
    /** Marks a folder in the list of what a task needs: it lies in the storage under its own name. */
    static final char FOLDER = 'A';

    /** Marks a file, which lies in the folder of the task. */
    static final char FILE = 'F';

    /** Where in a workspace is written what it has in common with the storage. */
    private static final String KNOWN = ".storage";

    /** A claim is a few short questions to a storage that may be far away. */
    private static final int THREADS = 8;

    private final Storage storage;
    private final String address;
    private final Path workspace;
    private final Owners owners;
    private final String tasks;
    private final Map<String, String> stamps = new HashMap<>();

    /**
     * For one run of the driver, which is alive for all others from now on.
     *
     * @param id of the run, that no other has
     * @param owners of the same run
     */
    Staging(Storage storage, String address, Path workspace, String id, Owners owners) throws IOException {
        this.storage = storage;
        this.address = address;
        this.workspace = workspace;
        this.owners = owners;
        this.tasks = Owners.TASKS + "/" + id;
        owners.begin();
    }

    /** Puts a file there for executors to find, and tells its name. */
    String probe(String content) throws IOException {
        String name = tasks + "/probe";
        storage.write(name, content);
        return name;
    }

    /**
     * Claims the names of folders that are going to be written, all or none.
     *
     * @throws IOException in a sentence, if another process that lives writes one of them
     */
    void claim(List<String> names) throws IOException {
        List<String> claimed = Collections.synchronizedList(new ArrayList<>());
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        try {
            List<Future<Void>> all = new ArrayList<>();
            for (String name : names) {
                all.add(threads.submit(() -> {
                    owners.claim(name);
                    claimed.add(name);
                    return null;
                }));
            }
            IOException refused = null;
            for (Future<Void> one : all) {
                try {
                    one.get();
                } catch (ExecutionException e) {
                    refused = e.getCause() instanceof IOException ? (IOException) e.getCause() : new IOException(e);
                } catch (InterruptedException e) {
                    refused = new IOException(e);
                }
            }
            if (refused != null) {
                release(claimed);
                throw refused;
            }
        } finally {
            threads.shutdownNow();
        }
    }

    /** Gives claimed names back. */
    void release(List<String> names) {
        for (String name : List.copyOf(names)) {
            try {
                owners.release(name);
            } catch (IOException e) {
                System.err.println(
                        "The claim of " + name + " could not be given back: " + e); // it goes with the driver
            }
        }
    }

    /** The folder of a task. */
    String folder(long task) {
        return tasks + "/" + task;
    }

    /** Puts the inputs of a task there; what an executor is told of them, with a mark each, joined by tabs. */
    String inputs(long task, String names) throws IOException {
        List<String> marked = new ArrayList<>();
        for (String name : names.split("\t")) {
            if (name.isEmpty()) {
                continue;
            }
            Path path = workspace.resolve(name);
            if (Files.isDirectory(path)) {
                keep(name);
                marked.add(FOLDER + name);
            } else {
                storage.send(path, folder(task) + "/in/" + name);
                marked.add(FILE + name);
            }
        }
        return String.join("\t", marked);
    }

    /** Brings what an attempt gave into the workspace. */
    void outputs(long task, String attempt, List<String> names) throws IOException {
        for (String name : names) {
            Path to = workspace.resolve(name).normalize();
            if (!to.startsWith(workspace)) {
                throw new IOException("a task gave a file outside of the workspace");
            }
            storage.fetch(folder(task) + "/" + attempt + "/" + name, to);
        }
    }

    /** Forgets a task. */
    void done(long task) {
        try {
            storage.remove(folder(task));
        } catch (IOException e) {
            // the whole run is forgotten at its end
        }
    }

    /** Forgets this run. */
    void end() {
        try {
            owners.end();
        } catch (IOException e) {
            System.err.println("The storage could not be cleared up, which the next driver does: " + e);
        }
    }

    /**
     * Puts a finished folder of the workspace there, unless it is.
     *
     * @throws IOException if somebody else has put another one there since this workspace last looked
     */
    synchronized void keep(String name) throws IOException {
        Path folder = workspace.resolve(name);
        String stamp = stamp(folder);
        if (stamp.equals(stamps.get(name))) {
            return;
        }
        String there = storage.list(name);
        String here = Storage.listOf(folder);
        if (here.isEmpty()) {
            throw new IOException(folder + " has no files");
        }
        if (!there.equals(here)) {
            owners.claim(name);
            try {
                owners.check(name);
                put(name, folder, here);
            } finally {
                owners.release(name);
            }
        }
        know(name, here);
        stamps.put(name, stamp);
    }

    private void put(String name, Path folder, String here) throws IOException {
        String there = storage.list(name);
        if (!there.isEmpty() && !there.equals(here) && !there.equals(known(name))) {
            throw new IOException("There is another " + name + " in " + address
                    + ", which somebody else has put there: choose another name, or delete that one. Yours is in "
                    + folder + ", and nothing was changed");
        }
        storage.put(folder, name, here, () -> owners.check(name));
    }

    /** Brings a folder into the workspace where there is none of that name; whether the storage has it. */
    synchronized boolean fetch(String name) throws IOException {
        Path folder = workspace.resolve(name);
        if (Files.isDirectory(folder)) {
            return true;
        }
        if (storage.list(name).isEmpty()) {
            return false;
        }
        Files.createDirectories(folder.getParent());
        know(name, storage.get(name, folder));
        stamps.put(name, stamp(folder));
        return true;
    }

    private Path note(String name) {
        return workspace.resolve(KNOWN).resolve(name.replace('/', '+'));
    }

    private String known(String name) throws IOException {
        Path note = note(name);
        return Files.isRegularFile(note) ? Files.readString(note) : "";
    }

    private void know(String name, String list) throws IOException {
        Path note = note(name);
        Files.createDirectories(note.getParent());
        Files.writeString(note, list);
    }

    /** Changes when a file does: cheaper than checksums of a store of many gigabytes for every task. */
    private static String stamp(Path folder) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            return all.filter(Files::isRegularFile)
                    .filter(f -> !f.getFileName().toString().startsWith("."))
                    .map(f -> {
                        java.io.File file = f.toFile();
                        return f + " " + file.length() + " " + file.lastModified();
                    })
                    .sorted()
                    .collect(Collectors.joining("\n"));
        }
    }
}
