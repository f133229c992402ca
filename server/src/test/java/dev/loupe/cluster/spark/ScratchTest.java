package dev.loupe.cluster.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The folder of a machine that stands in for the workspace: whose it is, and what stays in it. */
class ScratchTest {
    private static final String ADDRESS = "file:///nowhere";

    @TempDir
    Path folder;

    private Storage storage;

    @BeforeEach
    void open() throws IOException {
        storage = Storage.open(ADDRESS, new Configuration());
    }

    /** Started as a process of its own: holds a file until it is killed. */
    static final class Holder {
        public static void main(String[] args) throws Exception {
            new Borrowed(Path.of(args[0])).take(List.of(args[1]));
            System.out.println("held");
            Thread.sleep(600_000);
        }
    }

    @Test
    void it_is_this_users_alone_and_that_of_others_is_refused_in_a_sentence() throws Exception {
        Path base = folder.resolve("base");
        Path mine = Scratch.of(storage, base, ADDRESS).folder();
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(mine)))
                .isEqualTo("rwx------");
        assertThat(Scratch.of(storage, base, ADDRESS).folder()).isEqualTo(mine);
        for (String open : List.of("rwxr-x---", "rwx---r--", "rwxrwxrwx")) {
            Files.setPosixFilePermissions(mine, PosixFilePermissions.fromString(open));
            assertThatThrownBy(() -> Scratch.of(storage, base, ADDRESS))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining(
                            "The folder " + mine + " is open to other users of the machine (" + open + ")")
                    .hasMessageContaining("spark.executorEnv.LOUPE_SCRATCH=DIR");
        }
        Path file = Files.writeString(folder.resolve("file"), "");
        assertThatThrownBy(() -> Scratch.own(file)).hasMessageContaining("is no folder");
        Path link = Files.createSymbolicLink(folder.resolve("link"), Files.createDirectory(folder.resolve("to")));
        assertThatThrownBy(() -> Scratch.own(link)).hasMessageContaining("The path " + link + " is no folder");
        // somebody else's: of root where this is not root, else of nobody
        boolean root = (int) Files.getAttribute(file, "unix:uid") == 0;
        Path others = root ? Files.createDirectory(folder.resolve("others")) : Path.of("/root");
        if (root) {
            Files.setAttribute(others, "unix:uid", 65534);
        }
        if (Files.isDirectory(others)) {
            assertThatThrownBy(() -> Scratch.own(others))
                    .hasMessageContaining("The folder " + others + " belongs to ")
                    .hasMessageContaining("LOUPE_SCRATCH");
        }
    }

    @Test
    void a_file_that_a_killed_executor_used_goes_and_one_that_a_living_one_uses_stays() throws Exception {
        Scratch scratch = Scratch.of(storage, folder.resolve("base"), ADDRESS);
        Path table = Files.createDirectories(scratch.folder().resolve("activations/.s.partial"))
                .resolve("table");
        Files.writeString(table, "rows");
        Process other = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Holder.class.getName(),
                        scratch.folder().toString(),
                        "activations/.s.partial/table")
                .redirectError(folder.resolve("err").toFile()) // what Java itself warns of is no answer
                .start();
        try (var said = other.inputReader()) {
            assertThat(said.readLine()).isEqualTo("held");
            scratch.sweep();
            assertThat(table).exists();
            String inputs = "Factivations/.s.partial/table";
            scratch.hold(inputs);
            scratch.leave(inputs);
            assertThat(table).as("another process still uses it").exists();
        } finally {
            other.destroyForcibly();
            assertThat(other.waitFor(30, TimeUnit.SECONDS)).isTrue();
        }
        scratch.sweep();
        assertThat(table).doesNotExist();
    }

    @Test
    void what_attempts_left_goes_after_a_week_and_what_is_whole_stays() throws Exception {
        Scratch scratch = Scratch.of(storage, folder.resolve("base"), ADDRESS);
        Path saes = Files.createDirectories(scratch.folder().resolve("saes"));
        Path store = Files.createDirectories(saes.resolve("x"));
        Path note = Files.writeString(saes.resolve(".x.from"), "list");
        Path attempt = Files.createDirectories(saes.resolve(".x.training.tmp-1"));
        Path weights = Files.writeString(attempt.resolve("weights"), "w");
        Path checkpoint = Files.writeString(saes.resolve(".y.checkpoint.safetensors"), "c");
        FileTime old = FileTime.fromMillis(System.currentTimeMillis() - TimeUnit.DAYS.toMillis(8));
        for (Path p : List.of(store, note, attempt, weights)) {
            Files.setLastModifiedTime(p, old);
        }
        scratch.sweep();
        assertThat(attempt).doesNotExist();
        assertThat(List.of(store, note, checkpoint))
                .allSatisfy(p -> assertThat(p).exists());
        // one fresh file in it is enough
        Files.createDirectories(attempt);
        Files.writeString(weights, "w");
        Files.setLastModifiedTime(attempt, old);
        scratch.sweep();
        assertThat(weights).exists();
    }
}
