package dev.loupe.cluster.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Drivers that share a storage and nothing else. */
class OwnersTest {
    private static final String ADDRESS = "viewfs://loupe/data";
    private static final long SILENCE = 50_000;
    private static final ThisProcess ELSEWHERE = new ThisProcess("other start", "other", 123, "long ago");

    @TempDir
    Path folder;

    private Storage storage;
    private final List<Owners> all = new ArrayList<>();

    @BeforeEach
    void open() throws IOException {
        Configuration conf = new Configuration();
        conf.set("fs.viewfs.mounttable.loupe.link./data", folder.toUri().toString());
        conf.setClass("fs.file.impl", RawLocalFileSystem.class, org.apache.hadoop.fs.FileSystem.class);
        storage = Storage.open(ADDRESS, conf);
    }

    @AfterEach
    void end() throws IOException {
        for (Owners o : all) {
            o.end();
        }
    }

    private Owners driver(String id, ThisProcess process) throws IOException {
        Owners owners = new Owners(storage, ADDRESS, id, process, SILENCE);
        all.add(owners);
        owners.beat(); // and no thread that clears up at times of its own
        return owners;
    }

    private static ThisProcess here() {
        return ThisProcess.of(ProcessHandle.current().pid());
    }

    private List<String> left() throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(Files::isRegularFile)
                    .map(f -> folder.relativize(f).toString())
                    .sorted()
                    .toList();
        }
    }

    /** As if a driver had written nothing for so long. */
    private void silent(String id, long millis) throws IOException {
        Files.setLastModifiedTime(
                folder.resolve(".drivers").resolve(id), FileTime.fromMillis(System.currentTimeMillis() - millis));
    }

    @Test
    void the_second_of_two_drivers_is_told_which_process_has_the_name_until_it_is_given_back() throws Exception {
        Owners first = driver("a", ELSEWHERE);
        Owners second = driver("b", here());
        first.claim("activations/s");
        first.claim("activations/s");
        first.check("activations/s");
        second.claim("activations/t");
        for (int times = 2; times > 0; times--) {
            assertThatThrownBy(() -> second.claim("activations/s"))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("Another process is writing activations/s in " + ADDRESS)
                    .hasMessageContaining("process 123 on other since ")
                    .hasMessageContaining("nothing was changed");
            first.release("activations/s");
        }
        second.claim("activations/s");
        second.check("activations/s");
        assertThatThrownBy(() -> first.claim("activations/s"))
                .hasMessageContaining("process " + ProcessHandle.current().pid() + " on ");
        first.end();
        second.end();
        assertThat(left()).isEmpty();
        assertThat(folder.resolve(".owners")).doesNotExist();
    }

    @Test
    void a_name_whose_process_was_killed_on_this_machine_is_free_at_once() throws Exception {
        Process process = new ProcessBuilder("sleep", "600").start();
        Owners dead;
        try {
            dead = driver("dead", ThisProcess.of(process.pid()));
            dead.claim("saes/x");
            silent("dead", 100 * SILENCE); // a process that was stopped keeps what it has
            Owners other = driver("b", here());
            assertThatThrownBy(() -> other.claim("saes/x")).hasMessageContaining("process " + process.pid() + " on ");
        } finally {
            process.destroyForcibly();
            assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        }
        Owners next = driver("c", here());
        next.claim("saes/x");
        next.check("saes/x");
        assertThatThrownBy(() -> dead.check("saes/x"))
                .hasMessageContaining("Another process has taken over saes/x in " + ADDRESS);
        dead.release("saes/x"); // gives nothing back that is not its own
        next.check("saes/x");
        next.release("saes/x");
        assertThat(folder.resolve(".owners/saes+x")).doesNotExist();
    }

    @Test
    void a_driver_of_another_machine_is_dead_when_it_is_silent_and_what_it_left_is_cleared_up() throws Exception {
        Owners other = driver("other", ELSEWHERE);
        other.claim("saes/x");
        other.claim("saes/y");
        storage.write(".tasks/other/7/in/spec.json", "spec");
        storage.write(".tasks/unknown/1/in/spec.json", "spec"); // it did not even begin
        Owners mine = driver("mine", here());
        silent("other", SILENCE / 2);
        assertThatThrownBy(() -> mine.claim("saes/x")).hasMessageContaining("process 123 on other");
        mine.bury();
        assertThat(left())
                .contains(".tasks/other/7/in/spec.json", ".owners/saes+y/000001")
                .doesNotContain(".tasks/unknown/1/in/spec.json");
        silent("other", 2 * SILENCE);
        mine.claim("saes/x");
        mine.bury();
        assertThat(left()).containsExactly(".drivers/mine", ".owners/saes+x/000001", ".owners/saes+x/000002");
        assertThatThrownBy(() -> other.check("saes/y")).hasMessageContaining("taken over saes/y");
        other.end(); // it wakes up, and leaves what is not its own
        mine.check("saes/x");
        mine.end();
        assertThat(left()).isEmpty();
    }
}
