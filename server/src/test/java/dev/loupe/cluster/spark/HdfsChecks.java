package dev.loupe.cluster.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.hadoop.conf.Configuration;

/** What this package promises of a file system with a server, looked at from within it. */
public final class HdfsChecks {
    private static final int DRIVERS = 4;
    private static final int NAMES = 15;

    private HdfsChecks() {}

    /** Of many drivers that claim the same names at the same time, each name has one. */
    public static void oneOwnerOfEachName(String address) throws Exception {
        Storage storage = Storage.open(address, new Configuration());
        List<Owners> drivers = new ArrayList<>();
        for (int d = 0; d < DRIVERS; d++) {
            Owners owners = new Owners(
                    storage, address, "driver-" + d, new ThisProcess("machine " + d, "host" + d, d, "then"), 60_000);
            owners.beat();
            drivers.add(owners);
        }
        List<String> won = Collections.synchronizedList(new ArrayList<>());
        List<String> told = Collections.synchronizedList(new ArrayList<>());
        CountDownLatch begin = new CountDownLatch(1);
        List<Thread> threads = new ArrayList<>();
        for (Owners driver : drivers) {
            threads.add(Thread.ofPlatform().start(() -> {
                try {
                    begin.await();
                } catch (InterruptedException e) {
                    return;
                }
                for (int n = 0; n < NAMES; n++) {
                    try {
                        driver.claim("saes/" + n);
                        driver.check("saes/" + n);
                        won.add("saes/" + n);
                    } catch (IOException e) {
                        told.add(String.valueOf(e.getMessage()));
                    }
                }
            }));
        }
        begin.countDown();
        for (Thread t : threads) {
            t.join();
        }
        assertThat(won).hasSize(NAMES).doesNotHaveDuplicates();
        assertThat(told)
                .hasSize((DRIVERS - 1) * NAMES)
                .allMatch(t -> t.matches("Another process is writing saes/\\d+ in .*process \\d on host\\d since .*"));
        for (Owners driver : drivers) {
            driver.end();
        }
        assertThat(storage.children("")).isEmpty();
    }

    /** A small file that is written over and over is always there, and whole. */
    public static void noGapWhileAFileIsWrittenAnew(String address) throws Exception {
        Storage storage = Storage.open(address, new Configuration());
        storage.write("note", "0".repeat(1000));
        AtomicBoolean done = new AtomicBoolean();
        List<String> seen = Collections.synchronizedList(new ArrayList<>());
        Thread reader = Thread.ofPlatform().start(() -> {
            try {
                while (!done.get()) {
                    seen.add(storage.read("note"));
                }
            } catch (IOException e) {
                seen.add(e.toString());
            }
        });
        for (int i = 1; i <= 60; i++) {
            storage.write("note", String.valueOf((char) ('0' + i % 10)).repeat(1000));
        }
        done.set(true);
        reader.join();
        assertThat(seen)
                .isNotEmpty()
                .allMatch(
                        text -> text.length() == 1000 && text.chars().distinct().count() == 1);
        assertThat(storage.children("")).containsExactly("note");
        assertThat(storage.create("note", "mine")).isFalse();
        storage.remove("note");
        assertThat(storage.create("note", "mine")).isTrue();
        assertThat(storage.read("note")).isEqualTo("mine");
        storage.remove("note");
    }

    /** What belongs to another user is refused in a sentence. */
    public static void theRightsOfOthersAreKept(String address, String user) throws Exception {
        Storage storage = Storage.open(address, new Configuration());
        storage.write("note", "mine");
        org.apache.hadoop.security.UserGroupInformation other =
                org.apache.hadoop.security.UserGroupInformation.createRemoteUser(user);
        assertThatThrownBy(() -> other.doAs((java.security.PrivilegedExceptionAction<Object>) () -> {
                    Storage theirs = Storage.open(address, new Configuration());
                    try {
                        theirs.write("note", "theirs");
                    } catch (IOException e) {
                        throw new IOException(Storage.refusal(address, e));
                    }
                    return "";
                }))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("The storage " + address + " refuses access (Permission denied: user=" + user)
                .hasMessageContaining("the user that Spark runs as");
        assertThat(storage.read("note")).isEqualTo("mine");
        storage.remove("note");
    }
}
