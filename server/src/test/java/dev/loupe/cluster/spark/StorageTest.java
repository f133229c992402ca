package dev.loupe.cluster.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.security.AccessControlException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A folder of a real Hadoop file system (a mount table over a folder of this machine) in the place of a shared one. */
class StorageTest {
    private static final String ADDRESS = "viewfs://loupe/data/ws";

    @TempDir
    Path folder;

    private Storage storage;
    private Path workspace;
    private Path far;
    private final List<Staging> open = new ArrayList<>();

    /** Counts how often a file is read. */
    public static final class Counting extends RawLocalFileSystem {
        static final ConcurrentHashMap<String, Integer> READ = new ConcurrentHashMap<>();
        static final ConcurrentHashMap<String, Runnable> WHEN_READ = new ConcurrentHashMap<>();

        @Override
        public FSDataInputStream open(org.apache.hadoop.fs.Path path, int buffer) throws IOException {
            READ.merge(path.toUri().getPath(), 1, Integer::sum);
            FSDataInputStream in = super.open(path, buffer);
            Runnable meanwhile = WHEN_READ.remove(path.toUri().getPath());
            if (meanwhile != null) {
                meanwhile.run();
            }
            return in;
        }
    }

    @BeforeEach
    void open() throws IOException {
        far = Files.createDirectories(folder.resolve("far"));
        workspace = Files.createDirectories(folder.resolve("ws"));
        storage = Storage.open(ADDRESS, conf());
    }

    private Configuration conf() {
        Configuration conf = new Configuration();
        conf.set("fs.viewfs.mounttable.loupe.link./data", far.toUri().toString());
        conf.setClass("fs.file.impl", Counting.class, org.apache.hadoop.fs.FileSystem.class);
        return conf;
    }

    private Path artifact(String name, long seed) throws IOException {
        Random random = new Random(seed);
        Path store = Files.createDirectories(workspace.resolve(name));
        for (String file : List.of("store.json", "a/part-0", "a/part-1", "empty")) {
            Files.createDirectories(store.resolve(file).getParent());
            byte[] bytes = new byte[file.equals("empty") ? 0 : random.nextInt(3_000_000)];
            random.nextBytes(bytes);
            Files.write(store.resolve(file), bytes);
        }
        return store;
    }

    private static TreeMap<String, String> content(Path folder) throws IOException {
        TreeMap<String, String> all = new TreeMap<>();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path f : files.filter(Files::isRegularFile).toList()) {
                all.put(
                        folder.relativize(f).toString(),
                        new String(Files.readAllBytes(f), StandardCharsets.ISO_8859_1));
            }
        }
        return all;
    }

    /** What is in the storage beside what drivers note there while they live. */
    private TreeMap<String, String> artifacts() throws IOException {
        TreeMap<String, String> all = content(far);
        all.keySet().removeIf(name -> name.startsWith("ws/."));
        return all;
    }

    private Staging staging(Path own) throws IOException {
        String id = "app-" + open.size();
        ThisProcess here = ThisProcess.of(ProcessHandle.current().pid());
        Staging staging = new Staging(storage, ADDRESS, own, id, new Owners(storage, ADDRESS, id, here, 60_000));
        open.add(staging);
        return staging;
    }

    @AfterEach
    void nothingButFoldersIsLeft() throws IOException {
        open.forEach(Staging::end);
        if (Files.isDirectory(far.resolve("ws"))) {
            try (Stream<Path> all = Files.list(far.resolve("ws"))) {
                assertThat(all.map(p -> p.getFileName().toString()))
                        .isSubsetOf("activations", "saes", "comparisons", "features");
            }
        }
    }

    @Test
    void a_folder_goes_there_and_comes_back_as_it_was() throws Exception {
        Path store = artifact("activations/s", 1);
        staging(workspace).keep("activations/s");
        var whole = content(store);
        Files.writeString(store.resolve(".lock"), "not a part of it");
        Files.writeString(store.resolve("a/.part.tmp-1"), "not a part of it");
        staging(workspace).keep("activations/s");
        Path other = Files.createDirectories(folder.resolve("other"));
        assertThat(staging(other).fetch("activations/none")).isFalse();
        assertThat(staging(other).fetch("activations/s")).isTrue();
        assertThat(content(other.resolve("activations/s"))).isEqualTo(whole);
        // a new version of it replaces all of the old one
        Files.delete(store.resolve("a/part-1"));
        Files.writeString(store.resolve("report.json"), "{}");
        staging(workspace).keep("activations/s");
        assertThat(far.resolve("ws/activations/s/a/part-1")).doesNotExist();
        assertThat(far.resolve("ws/activations/s/report.json")).hasContent("{}");
    }

    @Test
    void a_folder_whose_name_was_lost_while_it_was_copied_does_not_appear() throws Exception {
        Path store = artifact("saes/x", 5);
        List<Boolean> copied = new ArrayList<>();
        assertThatThrownBy(() -> storage.put(store, "saes/x", Storage.listOf(store), () -> {
                    copied.add(Files.isRegularFile(far.resolve("ws/saes/x/a/part-1")));
                    throw new IOException("another process has it");
                }))
                .isInstanceOf(IOException.class)
                .hasMessage("another process has it");
        assertThat(copied).containsExactly(true);
        assertThat(storage.list("saes/x")).isEmpty();
        assertThat(staging(Files.createDirectories(folder.resolve("other"))).fetch("saes/x"))
                .isFalse();
    }

    @Test
    void a_changed_folder_takes_the_place_of_the_older_one_in_one_step() throws Exception {
        Path store = artifact("saes/x", 7);
        staging(workspace).keep("saes/x");
        var older = content(store);
        Path other = folder.resolve("other/saes/x");
        Files.createDirectories(other.getParent());
        Files.writeString(store.resolve("a/part-0"), "changed");
        Files.writeString(store.resolve("more"), "more");
        Files.delete(store.resolve("a/part-1"));
        var newer = content(store);
        // as a process that dies when all is copied
        assertThatThrownBy(() -> storage.put(store, "saes/x", Storage.listOf(store), () -> {
                    throw new IOException("dead");
                }))
                .hasMessage("dead");
        storage.get("saes/x", other);
        assertThat(content(other)).isEqualTo(older);
        storage.put(store, "saes/x", Storage.listOf(store), () -> {
            storage.get("saes/x", other);
            assertThat(content(other)).isEqualTo(older);
        });
        assertThat(storage.get("saes/x", other)).isEqualTo(Storage.listOf(store));
        assertThat(content(other)).isEqualTo(newer);
        assertThat(artifacts()).as("nothing of the older one is left").hasSize(newer.size() + 1);
        // the third one finds the name free again
        Files.writeString(store.resolve("a/part-0"), "again");
        storage.put(store, "saes/x", Storage.listOf(store), () -> {});
        assertThat(far.resolve("ws/saes/x/a/part-0")).hasContent("again");
        try (Stream<Path> all = Files.walk(far.resolve("ws/saes/x"))) {
            assertThat(all.filter(p -> p.getFileName().toString().startsWith(Storage.LIST)))
                    .containsExactly(far.resolve("ws/saes/x").resolve(Storage.LIST));
        }
    }

    @Test
    void who_reads_a_folder_while_it_is_changed_gets_the_newer_one() throws Exception {
        Path store = artifact("saes/x", 8);
        storage.put(store, "saes/x", Storage.listOf(store), () -> {});
        Path first = far.resolve("ws/saes/x/a/part-0");
        Counting.WHEN_READ.put(first.toString(), () -> {
            try {
                Files.writeString(store.resolve("a/part-1"), "changed");
                storage.put(store, "saes/x", Storage.listOf(store), () -> {});
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        });
        Path other = folder.resolve("other/saes/x");
        Files.createDirectories(other.getParent());
        assertThat(storage.get("saes/x", other)).isEqualTo(Storage.listOf(store));
        assertThat(content(other)).isEqualTo(content(store));
    }

    @Test
    void a_list_that_names_files_elsewhere_is_refused() throws Exception {
        Path list = Files.createDirectories(far.resolve("ws/saes/x")).resolve(Storage.LIST);
        for (String line : List.of("1 2", "x 2 a", "1 -2 a", "1@../../y 2 a", "1@_loupe_files-../y 2 a", "1 2  ")) {
            Files.writeString(list, line + "\n");
            assertThatThrownBy(() -> storage.get("saes/x", folder.resolve("other")))
                    .as(line)
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("the list of ")
                    .hasMessageContaining("is damaged: delete that folder there and run the command again");
        }
        Path own = artifact("saes/x", 9);
        assertThatThrownBy(() -> staging(workspace).keep("saes/x"))
                .hasMessageContaining("the list of " + ADDRESS + "/saes/x is damaged: delete that folder there");
        Files.writeString(list, "1 2 ../../y\n");
        assertThatThrownBy(() -> storage.get("saes/x", folder.resolve("other")))
                .hasMessageContaining("names a file outside of it: delete that folder there");
        Files.delete(list); // the cure
        Files.delete(list.getParent());
        staging(workspace).keep("saes/x");
        assertThat(content(list.getParent())).containsAllEntriesOf(content(own));
    }

    @Test
    void a_folder_whose_list_is_missing_is_not_there_and_a_damaged_file_is_refused() throws Exception {
        artifact("saes/x", 2);
        staging(workspace).keep("saes/x");
        Path damaged = far.resolve("ws/saes/x/a/part-0");
        byte[] bytes = Files.readAllBytes(damaged);
        bytes[bytes.length / 2] ^= 1;
        Files.write(damaged, bytes);
        Path other = Files.createDirectories(folder.resolve("other"));
        assertThatThrownBy(() -> staging(other).fetch("saes/x"))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("a/part-0 is damaged");
        assertThat(other.resolve("saes/x")).doesNotExist();
        Files.delete(far.resolve("ws/saes/x").resolve(Storage.LIST));
        assertThat(staging(other).fetch("saes/x")).isFalse();
    }

    @Test
    void of_two_drivers_with_one_name_the_second_is_told_and_changes_nothing() throws Exception {
        artifact("saes/x", 3);
        staging(workspace).keep("saes/x");
        var before = artifacts();
        assertThat(before).containsKey("ws/saes/x/" + Storage.LIST).hasSize(5);
        Path first = workspace;
        workspace = Files.createDirectories(folder.resolve("second"));
        artifact("saes/x", 4);
        assertThatThrownBy(() -> staging(workspace).keep("saes/x"))
                .hasMessageContaining("There is another saes/x in " + ADDRESS)
                .hasMessageContaining("choose another name");
        assertThat(artifacts()).isEqualTo(before);
        // who put it there may go on with it, in another run as well
        Files.writeString(first.resolve("saes/x/report.json"), "{}");
        staging(first).keep("saes/x");
        assertThat(far.resolve("ws/saes/x/report.json")).exists();
    }

    @Test
    void a_task_gets_its_files_and_its_folders_once_a_machine_and_leaves_nothing_behind() throws Exception {
        artifact("activations/s", 5);
        Files.writeString(workspace.resolve("spec.json"), "spec");
        Staging staging = staging(workspace);
        String inputs = staging.inputs(7, "activations/s\tspec.json");
        Scratch scratch = Scratch.of(storage, folder.resolve("scratch"), ADDRESS);
        Scratch same = Scratch.of(storage, folder.resolve("scratch"), ADDRESS);
        Counting.READ.clear();
        CompletableFuture.allOf(
                        CompletableFuture.runAsync(() -> bring(scratch, inputs, staging.folder(7))),
                        CompletableFuture.runAsync(() -> bring(same, inputs, staging.folder(7))))
                .get();
        assertThat(Counting.READ)
                .as("each file of the store comes to the machine once")
                .containsEntry(far.resolve("ws/activations/s/a/part-0").toString(), 1)
                .containsEntry(far.resolve("ws/activations/s/a/part-1").toString(), 1);
        assertThat(content(scratch.folder().resolve("activations/s")))
                .isEqualTo(content(workspace.resolve("activations/s")));
        assertThat(scratch.folder().resolve("spec.json")).hasContent("spec");
        scratch.leave(inputs);
        assertThat(scratch.folder().resolve("spec.json"))
                .as("the other task still needs it")
                .exists();
        same.leave(inputs);
        assertThat(scratch.folder().resolve("spec.json")).doesNotExist();
        assertThat(scratch.folder().resolve("activations/s/store.json"))
                .as("a store stays for later work")
                .exists();
        Path made = Files.createDirectories(scratch.folder().resolve("saes/.x.tmp-1"));
        Files.writeString(made.resolve("weights"), "w");
        Files.writeString(scratch.folder().resolve("codes"), "c");
        Path checkpoint = Files.writeString(scratch.folder().resolve("saes/.x.checkpoint"), "c");
        scratch.send(List.of("saes/.x.tmp-1", "codes"), staging.folder(7) + "/out-1");
        scratch.delete(List.of("saes/.x.checkpoint", "saes/none"));
        assertThat(made).doesNotExist();
        assertThat(checkpoint).doesNotExist();
        assertThat(scratch.folder().resolve("codes")).doesNotExist();
        staging.outputs(7, "out-1", List.of("saes/.x.tmp-1", "codes"));
        assertThat(workspace.resolve("saes/.x.tmp-1/weights")).hasContent("w");
        assertThat(workspace.resolve("codes")).hasContent("c");
        staging.done(7);
        assertThat(far.resolve("ws/.tasks/app-0/7")).doesNotExist();
        assertThat(staging.probe("hello")).isEqualTo(".tasks/app-0/probe");
        assertThat(far.resolve("ws/.tasks/app-0/probe")).hasContent("hello");
        staging.end();
        assertThat(content(far).keySet()).allMatch(name -> name.startsWith("ws/activations/s/"));
    }

    private static void bring(Scratch scratch, String inputs, String task) {
        try {
            scratch.hold(inputs);
            scratch.bring(inputs, task);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void a_new_version_of_a_folder_replaces_the_one_of_a_machine() throws Exception {
        artifact("saes/x", 6);
        Scratch scratch = Scratch.of(storage, folder.resolve("scratch"), ADDRESS);
        Staging staging = staging(workspace);
        scratch.bring(staging.inputs(1, "saes/x"), staging.folder(1));
        Files.writeString(workspace.resolve("saes/x/store.json"), "new");
        scratch.bring(staging.inputs(2, "saes/x"), staging.folder(2));
        assertThat(scratch.folder().resolve("saes/x/store.json")).hasContent("new");
    }

    @Test
    void missing_classes_and_refused_access_are_said_in_a_sentence_with_the_cure() {
        assertThatThrownBy(() -> Storage.open("s3a://bucket/loupe", new Configuration()))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("Spark has no classes for s3a://")
                .hasMessageContaining("spark.jars.packages=org.apache.hadoop:hadoop-aws:3.5.0");
        assertThatThrownBy(() -> Storage.open("nofs://x/y", new Configuration()))
                .hasMessageContaining("Spark has no classes for nofs://")
                .hasMessageContaining("GROUP:NAME:VERSION");
        assertThat(Storage.refusal("s3a://b/c", new IOException("x", new AccessControlException("Forbidden: 403"))))
                .contains("The storage s3a://b/c refuses access (Forbidden: 403)")
                .contains("spark.hadoop.fs.s3a.access.key");
        assertThat(Storage.refusal("hdfs://h/c", new AccessControlException("Permission denied: user=x")))
                .contains("refuses access (Permission denied: user=x)")
                .contains("the user that Spark runs as");
    }
}
