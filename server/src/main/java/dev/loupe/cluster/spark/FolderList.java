package dev.loupe.cluster.spark;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import java.util.zip.CheckedInputStream;

/**
 * The files of a folder: what each is, and where a storage keeps it. That is its name; but a file that takes the place of
 * another one lies beside it, since the older one belongs to the folder until the list says otherwise.
 */
record FolderList(List<Entry> entries) {
    /** Between the checksum of a file and the folder that keeps it where its name is taken. */
    private static final char ELSEWHERE = '@';

    /**
     * A file.
     *
     * @param what its CRC-32C in hexadecimal, its length and its name, separated by spaces
     * @param sum the first of them
     * @param length the second
     * @param name the third
     * @param beside folder that keeps it under its name; empty for none
     */
    record Entry(String what, String sum, long length, String name, String beside) {
        /** The file in the storage, below the folder. */
        String place() {
            return beside.isEmpty() ? name : beside + "/" + name;
        }

        Entry at(String folder) {
            return new Entry(what, sum, length, name, folder);
        }
    }

    /**
     * From its text.
     *
     * @throws IOException if that is no such list
     */
    static FolderList of(String text, Object where) throws IOException {
        List<Entry> entries = new ArrayList<>();
        for (String line : text.split("\n")) {
            if (text.isEmpty()) {
                break;
            }
            String[] field = line.split(" ", 3);
            if (field.length != 3
                    || !field[0].matches("[0-9a-f]{1,8}(@" + Storage.LIST + "-[0-9a-f-]+)?")
                    || !field[1].matches("\\d{1,18}")
                    || field[2].isBlank()) {
                throw new IOException("the list of " + where + " is damaged: " + cure());
            }
            int at = field[0].indexOf(ELSEWHERE);
            String sum = at < 0 ? field[0] : field[0].substring(0, at);
            entries.add(new Entry(
                    sum + " " + field[1] + " " + field[2],
                    sum,
                    Long.parseLong(field[1]),
                    field[2],
                    at < 0 ? "" : field[0].substring(at + 1)));
        }
        return new FolderList(entries);
    }

    /** What to do about a list that cannot be believed: nobody can say whose folder it was, so nothing is put in its place. */
    static String cure() {
        return "delete that folder there and run the command again whose workspace still has it, or the one that made it";
    }

    /** What the folder holds, wherever that is kept: two folders with the same text have the same files. */
    String plain() {
        return entries.stream().map(e -> e.what() + "\n").collect(Collectors.joining());
    }

    /** The text of the list. */
    String text() {
        return entries.stream()
                .map(e -> e.beside().isEmpty()
                        ? e.what() + "\n"
                        : e.sum() + ELSEWHERE + e.beside()
                                + e.what().substring(e.sum().length()) + "\n")
                .collect(Collectors.joining());
    }

    /** The list of a folder of this machine. */
    static FolderList of(Path folder) throws IOException {
        List<Entry> entries = new ArrayList<>();
        for (Path file : tree(folder)) {
            CRC32C sum = new CRC32C();
            try (InputStream in = new CheckedInputStream(Files.newInputStream(file), sum)) {
                in.transferTo(OutputStream.nullOutputStream());
            }
            String hex = Long.toHexString(sum.getValue());
            String name = folder.relativize(file).toString().replace('\\', '/');
            long length = Files.size(file);
            entries.add(new Entry(hex + " " + length + " " + name, hex, length, name, ""));
        }
        return new FolderList(entries);
    }

    /** What belongs to a folder: all files of it, whose names do not begin with a dot. */
    static List<Path> tree(Path folder) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            return all.filter(Files::isRegularFile)
                    .filter(f -> !f.getFileName().toString().startsWith("."))
                    .sorted(Comparator.comparing(f -> folder.relativize(f).toString()))
                    .collect(Collectors.toList());
        }
    }
}
