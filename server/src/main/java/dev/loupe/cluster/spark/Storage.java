package dev.loupe.cluster.spark;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import java.util.zip.CheckedInputStream;
import java.util.zip.CheckedOutputStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStreamBuilder;
import org.apache.hadoop.fs.FileContext;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Options;
import org.apache.hadoop.fs.UnsupportedFileSystemException;
import org.apache.hadoop.util.VersionInfo;

/**
 * A folder of a Hadoop file system ({@code s3a://}, {@code hdfs://}) that stands in for a folder that machines share. A
 * folder of it is there once its list of files is: the list is written last, in one step, and says of each file how long it
 * is and its CRC-32C. What is read as a folder with a list is compared with it.
 */
final class Storage {
    /** The list of the files of a folder, see {@link FolderList}. Hadoop's readers pass over such a name. */
    static final String LIST = "_loupe_files";

    private static final int BUFFER = 1 << 20;

    /** How the name of a small file ends that is being written. */
    private static final String PART = "\\.part-[0-9a-f-]+";

    private final FileSystem files;
    private final org.apache.hadoop.fs.Path root;

    /** Whether a name is still this process's to write. */
    interface Claimed {
        void check() throws IOException;
    }

    private Storage(FileSystem files, org.apache.hadoop.fs.Path root) {
        this.files = files;
        this.root = root;
    }

    /**
     * Opens a folder.
     *
     * @throws IOException in a sentence, if its file system is not in the class path or refuses
     */
    static Storage open(String address, Configuration conf) throws IOException {
        URI uri = URI.create(address);
        try {
            return new Storage(FileSystem.newInstance(uri, conf), new org.apache.hadoop.fs.Path(uri));
        } catch (IOException | RuntimeException | LinkageError e) {
            throw new IOException(refusal(address, e), e);
        }
    }

    /** Why a folder cannot be used, and what to do about it. */
    static String refusal(String address, Throwable e) {
        String scheme = address.substring(0, Math.max(0, address.indexOf(':')));
        StringBuilder all = new StringBuilder();
        for (Throwable t = e; t != null; t = t.getCause()) {
            all.append(t).append('\n');
        }
        String text = all.toString();
        String reason = SparkDriver.reason(e).lines().findFirst().orElse("no reason given");
        if (text.contains("No FileSystem for scheme")
                || text.contains("ClassNotFoundException")
                || text.contains("NoClassDefFoundError")) {
            return "Spark has no classes for " + scheme + "://: "
                    + (scheme.startsWith("s3")
                            ? "add --conf spark.jars.packages=org.apache.hadoop:hadoop-aws:" + VersionInfo.getVersion()
                            : "add the jar of that file system with --conf spark.jars.packages=GROUP:NAME:VERSION")
                    + " (" + reason + ")";
        }
        if (text.contains("AccessDenied")
                || text.contains("AccessControlException")
                || text.contains("NoAuthWithAWSException")
                || text.contains("NoAwsCredentials")
                || text.contains("Forbidden")
                || text.contains("InvalidAccessKeyId")
                || text.contains("SignatureDoesNotMatch")) {
            return "The storage " + address + " refuses access (" + reason + "): "
                    + (scheme.startsWith("s3")
                            ? "give Spark credentials for it, as --conf spark.hadoop.fs.s3a.access.key=… and"
                                    + " spark.hadoop.fs.s3a.secret.key=…, or the machines a role"
                            : "give the user that Spark runs as the right to write there");
        }
        return "The storage " + address + " cannot be used (" + reason + ")";
    }

    private org.apache.hadoop.fs.Path at(String name) {
        return name.isEmpty() ? root : new org.apache.hadoop.fs.Path(root, name);
    }

    /** Writes a small file in one step: who reads sees all of it or the one before. */
    void write(String name, String text) throws IOException {
        org.apache.hadoop.fs.Path target = at(name);
        if (root.toUri().getScheme() != null && root.toUri().getScheme().startsWith("s3")) {
            try (OutputStream out = files.create(target, true)) { // an object appears when it is closed
                out.write(text.getBytes(StandardCharsets.UTF_8));
            }
            return;
        }
        org.apache.hadoop.fs.Path part = target.suffix(".part-" + UUID.randomUUID());
        try (OutputStream out = files.create(part, false)) {
            out.write(text.getBytes(StandardCharsets.UTF_8));
        }
        try {
            FileContext.getFileContext(root.toUri(), files.getConf()).rename(part, target, Options.Rename.OVERWRITE);
        } catch (UnsupportedFileSystemException e) { // no newer interface to this one
            files.delete(target, false);
            if (!files.rename(part, target)) {
                throw new IOException(target + " could not be written", e);
            }
        }
    }

    /**
     * Writes a small file where there is none; of several who do so at once, one succeeds: HDFS promises it, and S3 where it
     * knows conditional requests. Other stores that speak its protocol may not; there two could believe it.
     *
     * @return false if it is there
     */
    boolean create(String name, String text) throws IOException {
        FSDataOutputStreamBuilder<?, ?> builder = files.createFile(at(name));
        builder.create();
        builder.overwrite(false);
        builder.recursive();
        builder.opt(Options.CreateFileOptionKeys.FS_OPTION_CREATE_CONDITIONAL_OVERWRITE, true);
        try (OutputStream out = builder.build()) {
            out.write(text.getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            if (modified(name) >= 0) {
                return false;
            }
            throw e;
        }
        return true;
    }

    /** When a file was written, as the storage says; −1 if it is not there. */
    long modified(String name) throws IOException {
        try {
            return files.getFileStatus(at(name)).getModificationTime();
        } catch (java.io.FileNotFoundException e) {
            return -1;
        }
    }

    /** The names in a folder; none if it is not there. */
    List<String> children(String name) throws IOException {
        List<String> names = new ArrayList<>();
        try {
            for (FileStatus status : files.listStatus(at(name))) {
                String child = status.getPath().getName();
                if (!child.matches(".*" + PART)) { // somebody is writing it
                    names.add(child);
                }
            }
        } catch (java.io.FileNotFoundException e) {
            return List.of();
        }
        return names;
    }

    /** Deletes a folder of the storage if nothing is in it. */
    void removeEmpty(String name) {
        try {
            if (files.getFileStatus(at(name)).isDirectory()) {
                files.delete(at(name), false);
            }
        } catch (IOException e) {
            // somebody uses it, or there is none
        }
    }

    /** The text of a small file; empty if it is not there. */
    String read(String name) throws IOException {
        try (InputStream in = files.open(at(name))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (java.io.FileNotFoundException e) {
            return "";
        }
    }

    /** What the files of a folder are, see {@link FolderList#plain}; empty while it is not there. */
    String list(String name) throws IOException {
        return listed(name).plain();
    }

    private FolderList listed(String name) throws IOException {
        return FolderList.of(read(name + "/" + LIST), at(name));
    }

    /**
     * Copies a folder of this machine; it appears, and what was there of that name goes, in the moment in which its list is
     * written. Files that are there already are left. Who is just reading the older one notices that the list is another.
     *
     * @param here what {@link #listOf} says of it
     * @param mine looks, after the copying that may take hours, whether this process may still write the folder
     */
    void put(Path folder, String name, String here, Claimed mine) throws IOException {
        Map<String, FolderList.Entry> there = new HashMap<>();
        Set<String> taken = new HashSet<>();
        for (FolderList.Entry entry : listed(name).entries()) {
            there.put(entry.what(), entry);
            taken.add(entry.place());
        }
        String beside = LIST + "-" + UUID.randomUUID();
        List<FolderList.Entry> entries = new ArrayList<>();
        for (FolderList.Entry entry : FolderList.of(here, folder).entries()) {
            FolderList.Entry kept = there.get(entry.what());
            if (kept == null) {
                kept = taken.contains(entry.name()) ? entry.at(beside) : entry;
                if (!upload(folder.resolve(entry.name()), name + "/" + kept.place())
                        .equals(entry.sum())) {
                    throw new IOException(folder.resolve(entry.name()) + " changed while it was copied");
                }
            }
            entries.add(kept);
        }
        mine.check();
        write(name + "/" + LIST, new FolderList(entries).text());
        clear(name, entries.stream().map(FolderList.Entry::place).collect(Collectors.toSet()));
    }

    /** Deletes what no list names any more. */
    private void clear(String name, Set<String> places) throws IOException {
        var all = files.listFiles(at(name), true);
        String prefix = files.makeQualified(at(name)).toUri().getPath() + "/";
        while (all.hasNext()) {
            org.apache.hadoop.fs.Path old = all.next().getPath();
            String path = old.toUri().getPath();
            String place = path.startsWith(prefix) ? path.substring(prefix.length()) : LIST;
            if (!places.contains(place) && !place.equals(LIST)) {
                files.delete(old, false);
                for (int end = place.lastIndexOf('/'); end > 0 && place.startsWith(LIST); ) {
                    removeEmpty(name + "/" + place.substring(0, end));
                    end = place.lastIndexOf('/', end - 1);
                }
            }
        }
    }

    private Path inside(Path folder, String relative, String name) throws IOException {
        Path file = folder.resolve(relative).normalize();
        if (!file.startsWith(folder) || file.equals(folder)) {
            throw new IOException("the list of " + at(name) + " names a file outside of it: " + FolderList.cure());
        }
        return file;
    }

    /** The list of a folder of this machine, as {@link #put} leaves it. */
    static String listOf(Path folder) throws IOException {
        return FolderList.of(folder).plain();
    }

    /**
     * Copies a folder to this machine, where it appears when all of it is there and right.
     *
     * @return what {@link #list} says of what came; a newer folder may have taken the place of the one that was there
     * @throws IOException if a file is missing or not what the list says
     */
    String get(String name, Path folder) throws IOException {
        Path part = folder.resolveSibling("." + folder.getFileName() + ".tmp-" + UUID.randomUUID());
        FolderList list = listed(name);
        try {
            while (true) {
                try {
                    download(name, list, part);
                    break;
                } catch (IOException e) {
                    FolderList now = listed(name);
                    if (now.equals(list)) {
                        throw e;
                    }
                    list = now;
                    delete(part);
                }
            }
            delete(folder);
            Files.move(part, folder, StandardCopyOption.ATOMIC_MOVE);
            return list.plain();
        } finally {
            delete(part);
        }
    }

    private void download(String name, FolderList list, Path part) throws IOException {
        if (list.entries().isEmpty()) {
            throw new IOException("The storage has no " + name + " any more");
        }
        for (FolderList.Entry entry : list.entries()) {
            Path file = inside(part, entry.name(), name);
            String sum = download(name + "/" + entry.place(), file);
            if (!sum.equals(entry.sum()) || Files.size(file) != entry.length()) {
                throw new IOException(at(name + "/" + entry.name()) + " is damaged: it is not what its list says");
            }
        }
    }

    /** Copies a file or a folder, of which nobody knows yet, from this machine. */
    void send(Path from, String name) throws IOException {
        for (Path file : Files.isDirectory(from) ? FolderList.tree(from) : List.of(from)) {
            String relative = from.relativize(file).toString().replace('\\', '/');
            upload(file, relative.isEmpty() ? name : name + "/" + relative);
        }
    }

    /** Copies a file or a folder to this machine; it appears there when all of it is there. */
    void fetch(String name, Path to) throws IOException {
        Path part = to.resolveSibling("." + to.getFileName() + ".tmp-" + UUID.randomUUID());
        try {
            FileStatus status = files.getFileStatus(at(name));
            if (status.isDirectory()) {
                String prefix = status.getPath().toUri().getPath() + "/";
                Files.createDirectories(part); // the folder may be empty
                var all = files.listFiles(at(name), true);
                while (all.hasNext()) {
                    String path = all.next().getPath().toUri().getPath();
                    String relative = path.substring(prefix.length());
                    download(name + "/" + relative, inside(part, relative, name));
                }
                delete(to);
            } else {
                download(name, part);
            }
            Files.move(part, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            delete(part);
        }
    }

    /** Deletes a file or folder of the storage, if it is there. */
    void remove(String name) throws IOException {
        files.delete(at(name), true);
    }

    private String upload(Path file, String name) throws IOException {
        CRC32C sum = new CRC32C();
        try (InputStream in = Files.newInputStream(file);
                OutputStream out = new CheckedOutputStream(files.create(at(name), true), sum)) {
            copy(in, out);
        }
        return Long.toHexString(sum.getValue());
    }

    private String download(String name, Path file) throws IOException {
        Files.createDirectories(file.getParent());
        CRC32C sum = new CRC32C();
        try (InputStream in = new CheckedInputStream(files.open(at(name)), sum);
                FileOutputStream out = new FileOutputStream(file.toFile())) {
            copy(in, out);
            out.getFD().sync();
        }
        return Long.toHexString(sum.getValue());
    }

    private static void copy(InputStream in, OutputStream out) throws IOException {
        byte[] buffer = new byte[BUFFER];
        for (int n; (n = in.read(buffer)) >= 0; ) {
            out.write(buffer, 0, n);
        }
    }

    /** Deletes a file or folder of this machine, if it is there. */
    static void delete(Path path) throws IOException {
        if (!Files.exists(path)) {
            return;
        }
        List<Path> all;
        try (Stream<Path> tree = Files.walk(path)) {
            all = tree.sorted(Comparator.reverseOrder()).collect(Collectors.toList());
        }
        for (Path p : all) {
            Files.deleteIfExists(p);
        }
    }
}
