package dev.loupe.cluster.spark;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Who writes what in a storage. A driver has a file {@code .drivers/ID} there, which it writes anew while it lives. What it is
 * going to write it claims by creating {@code .owners/NAME/NUMBER}, which one of several alone can: the highest number owns the
 * name, and who finds that owner dead takes the next one. Ages are differences of times that the storage itself gave, so no
 * clock of a machine matters.
 */
final class Owners {
    private static final String DRIVERS = ".drivers";
    private static final String OWNERS = ".owners";

    /** What belongs to the tasks of one driver lies below, in a folder with its id. */
    static final String TASKS = ".tasks";

    /** Says of an owner that it only clears up, which takes a moment. */
    private static final String BURIAL = "clearing up";

    private static final long BEAT_MILLIS = 15_000;
    private static final int BEATS_A_LOOK = 4;
    private static final long MOMENT_MILLIS = 100;
    private static final int MOMENTS = 30;
    private static final int TRIES = 100;

    private final Storage storage;
    private final String address;
    private final String id;
    private final ThisProcess process;
    private final long silence;
    private final ConcurrentHashMap<String, Held> held = new ConcurrentHashMap<>();
    private final Thread heart = new Thread(this::live, "loupe-owner");
    private final CountDownLatch end = new CountDownLatch(1);

    /** A name that is claimed: by which number, and how often. */
    private record Held(long number, int times) {}

    /**
     * For one driver.
     *
     * @param id that no other has
     * @param silence milliseconds after which a driver that writes nothing is dead
     */
    Owners(Storage storage, String address, String id, ThisProcess process, long silence) {
        this.storage = storage;
        this.address = address;
        this.id = id;
        this.process = process;
        this.silence = silence;
        heart.setDaemon(true);
    }

    /** Shows that this driver lives, from now on, and clears up after those that do not. */
    void begin() throws IOException {
        beat();
        heart.start();
    }

    private void live() {
        try {
            for (int beats = 0; beats == 0 || !end.await(BEAT_MILLIS, TimeUnit.MILLISECONDS); beats++) {
                try {
                    if (beats > 0) {
                        beat();
                    }
                    if (beats % BEATS_A_LOOK == 0) {
                        bury();
                    }
                } catch (IOException e) {
                    System.err.println("The storage " + address + " does not answer: " + e); // Spark's log
                }
            }
        } catch (InterruptedException e) {
            // nobody does that
        }
    }

    /** Says that this driver lives. */
    synchronized void beat() throws IOException {
        if (end.getCount() > 0) {
            storage.write(DRIVERS + "/" + id, process.text());
        }
    }

    /** Removes what dead drivers have left. */
    void bury() throws IOException {
        List<String> living = new ArrayList<>();
        List<String> dead = new ArrayList<>();
        for (String driver : storage.children(DRIVERS)) {
            (lives(driver) ? living : dead).add(driver);
        }
        for (String driver : storage.children(TASKS)) {
            if (!living.contains(driver) && !lives(driver)) { // a driver shows that it lives before it has tasks
                storage.remove(TASKS + "/" + driver);
            }
        }
        for (String name : storage.children(OWNERS)) {
            String owner = owner(name, top(name));
            if (dead.contains(driver(owner))) {
                change(name, (file, mine) -> {
                    if (mine == null) {
                        take(file, BURIAL);
                        give(file);
                    }
                    return mine;
                });
            }
        }
        for (String driver : dead) {
            storage.remove(DRIVERS + "/" + driver);
        }
    }

    /** Whether a driver lives: by its process if that is one of this machine, else by how long ago it was heard of. */
    private boolean lives(String driver) throws IOException {
        if (driver.equals(id)) {
            return true;
        }
        String file = DRIVERS + "/" + driver;
        String text = settled(file);
        if (text.isEmpty()) {
            return false;
        }
        Boolean here = process.lives(text);
        if (here != null) {
            return here;
        }
        return now() - storage.modified(file) < silence;
    }

    /** The storage's own time. */
    private long now() throws IOException {
        beat();
        return storage.modified(DRIVERS + "/" + id);
    }

    private static void pause() throws IOException {
        try {
            Thread.sleep(MOMENT_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    /** The text of a file that may just be being written. */
    private String settled(String file) throws IOException {
        String text = storage.read(file);
        for (int i = 0; text.isEmpty() && i < MOMENTS && (i == 0 || storage.modified(file) >= 0); i++) {
            pause();
            text = storage.read(file);
        }
        return text;
    }

    /**
     * Claims a name of the storage; as often as it is claimed, it has to be released.
     *
     * @throws IOException if a driver that lives has it, in a sentence that names its process
     */
    void claim(String name) throws IOException {
        change(file(name), (file, mine) -> {
            if (mine == null) {
                return new Held(take(file, process.sentence()), 1);
            }
            return new Held(mine.number, mine.times + 1);
        });
    }

    /** Takes the number after that of an owner who is dead or nobody. */
    private long take(String file, String who) throws IOException {
        for (int i = 0; i < TRIES; i++) {
            long top = top(file);
            if (top > 0) {
                String owner = owner(file, top);
                boolean gone = owner.isEmpty() && storage.modified(path(file, top)) < 0;
                if (gone) {
                    continue; // released meanwhile
                }
                boolean lives =
                        owner.isEmpty() ? now() - storage.modified(path(file, top)) < silence : lives(driver(owner));
                String theirs = owner.substring(driver(owner).length()).strip();
                if (lives && theirs.equals(BURIAL)) {
                    pause();
                    continue;
                }
                if (lives) {
                    throw new IOException("Another process is writing " + file.replace('+', '/') + " in " + address
                            + " (" + (theirs.isEmpty() ? "unknown" : theirs)
                            + "): wait until it ends or choose another name; nothing was changed");
                }
            }
            if (storage.create(path(file, top + 1), id + "\n" + who + "\n")) {
                return top + 1;
            }
        }
        throw new IOException("The owner of " + file.replace('+', '/') + " in " + address
                + " changes all the time: run the same command again");
    }

    /**
     * Looks whether a claimed name is still this driver's.
     *
     * @throws IOException if somebody took it for dead and the name over
     */
    void check(String name) throws IOException {
        String file = file(name);
        Held mine = held.get(file);
        if (mine == null
                || top(file) != mine.number
                || !driver(owner(file, mine.number)).equals(id)) {
            throw new IOException("Another process has taken over " + name + " in " + address
                    + ", because nothing was heard of this one for " + silence / 1000
                    + " s; nothing was changed: wait until it ends, or choose another name");
        }
    }

    /** Gives a claim back. */
    void release(String name) throws IOException {
        change(file(name), (file, mine) -> {
            if (mine != null && mine.times > 1) {
                return new Held(mine.number, mine.times - 1);
            }
            if (mine != null) {
                give(file);
            }
            return null;
        });
    }

    /** The highest number goes last: whoever looks meanwhile sees that the name has an owner. */
    private void give(String file) throws IOException {
        if (driver(owner(file, top(file))).equals(id)) {
            for (String number : new TreeSet<>(storage.children(OWNERS + "/" + file))) {
                storage.remove(OWNERS + "/" + file + "/" + number);
            }
            storage.removeEmpty(OWNERS + "/" + file);
        }
    }

    /** A change of what is held of one name, one at a time. */
    private interface Change {
        @Nullable Held of(String file, @Nullable Held mine) throws IOException;
    }

    private void change(String file, Change change) throws IOException {
        try {
            held.compute(file, (f, mine) -> {
                try {
                    return change.of(f, mine);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    /** Gives everything back. */
    void end() throws IOException {
        synchronized (this) { // a note that is just being written is deleted below
            end.countDown();
        }
        try {
            heart.join(BEAT_MILLIS); // not interrupted: clients of a storage share their connections
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        for (String file : List.copyOf(held.keySet())) {
            change(file, (f, mine) -> {
                give(f);
                return null;
            });
        }
        storage.remove(TASKS + "/" + id);
        storage.remove(DRIVERS + "/" + id);
        for (String folder : List.of(TASKS, OWNERS, DRIVERS)) {
            storage.removeEmpty(folder);
        }
    }

    private static String file(String name) {
        return name.replace('/', '+');
    }

    private static String path(String file, long number) {
        return OWNERS + "/" + file + "/" + String.format("%06d", number);
    }

    /** The highest number of a name; 0 if nobody has it. */
    private long top(String file) throws IOException {
        return storage.children(OWNERS + "/" + file).stream()
                .filter(n -> n.matches("\\d{1,18}"))
                .mapToLong(Long::parseLong)
                .max()
                .orElse(0);
    }

    private String owner(String file, long number) throws IOException {
        return number == 0 ? "" : settled(path(file, number));
    }

    private static String driver(String owner) {
        int line = owner.indexOf('\n');
        return line < 0 ? owner : owner.substring(0, line);
    }
}
