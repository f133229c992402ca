package dev.loupe.cluster;

import dev.loupe.base.LoupeException;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.jspecify.annotations.Nullable;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.w3c.dom.NodeList;
import org.xml.sax.SAXException;

/**
 * Where YARN's ResourceManager listens, by Hadoop's files and what Spark's settings say instead ({@code spark.hadoop.*}).
 * Spark would try for a quarter of an hour; so it is looked for before anything is started.
 */
final class YarnAddress {
    private static final List<String> FOLDERS = List.of("HADOOP_CONF_DIR", "YARN_CONF_DIR");
    private static final List<String> FILES = List.of("core-site.xml", "yarn-site.xml");

    private static final String PREFIX = "yarn.resourcemanager.";
    private static final String HADOOP = "spark.hadoop.";
    private static final String PORT = "8032";
    private static final Pattern VARIABLE = Pattern.compile("\\$\\{([^}]+)}");
    private static final int DEPTH = 20;

    private YarnAddress() {}

    /**
     * Looks whether anything says where YARN is; a Spark of the site's own may say it in {@code spark-env.sh}.
     *
     * @throws LoupeException in a sentence, if nothing does
     */
    static void check(Map<String, String> environment) {
        if (folders(environment).isEmpty()
                && environment.getOrDefault("SPARK_HOME", "").isBlank()) {
            throw new LoupeException("--on yarn needs Hadoop's settings: set HADOOP_CONF_DIR or YARN_CONF_DIR to the"
                    + " folder with yarn-site.xml; nothing was begun.");
        }
    }

    /**
     * Looks whether a ResourceManager answers.
     *
     * @param set settings of Spark
     * @throws LoupeException in a sentence, if none does
     */
    static void reach(Map<String, String> set, Map<String, String> environment) {
        List<Path> folders = folders(environment);
        if (folders.isEmpty()) {
            return;
        }
        Map<String, String> hadoop = settings(folders);
        set.forEach((key, value) -> {
            if (key.startsWith(HADOOP)) {
                hadoop.put(key.substring(HADOOP.length()), value);
            }
        });
        List<String> addresses = of(hadoop);
        if (addresses.isEmpty() || hadoop.containsKey("hadoop.rpc.socket.factory.class.default")) {
            return; // by names or ways that only Hadoop knows
        }
        String refusal = SparkLink.refusal(addresses, PORT);
        if (refusal != null) {
            throw new LoupeException("No ResourceManager of YARN answers at " + String.join(", ", addresses) + " ("
                    + refusal + "), as the settings in "
                    + folders.stream()
                            .map(Path::toString)
                            .reduce((a, b) -> a + " and " + b)
                            .orElseThrow()
                    + " have it: start it, or correct yarn-site.xml; nothing was begun.");
        }
    }

    private static List<Path> folders(Map<String, String> environment) {
        List<Path> folders = new ArrayList<>();
        for (String key : FOLDERS) {
            for (String entry : environment.getOrDefault(key, "").split(File.pathSeparator)) {
                if (!entry.isBlank() && !folders.contains(Path.of(entry.strip()))) {
                    folders.add(Path.of(entry.strip()));
                }
            }
        }
        return folders;
    }

    /** Of each file the first that is there, as on a class path; later files say more. */
    private static Map<String, String> settings(List<Path> folders) {
        Map<String, String> all = new TreeMap<>();
        for (String name : FILES) {
            for (Path folder : folders) {
                Path file = folder.resolve(name);
                if (Files.isRegularFile(file)) {
                    read(file, all);
                    break;
                }
            }
        }
        return all;
    }

    /** Addresses of which one is enough; none if only Hadoop can tell. */
    static List<String> of(Map<String, String> hadoop) {
        List<String> addresses = new ArrayList<>();
        if (Boolean.parseBoolean(
                hadoop.getOrDefault(PREFIX + "ha.enabled", "false").strip())) {
            for (String id : hadoop.getOrDefault(PREFIX + "ha.rm-ids", "").split(",")) {
                addresses.add(of(hadoop, "." + id.strip()));
            }
        } else {
            addresses.add(of(hadoop, ""));
        }
        return addresses.stream().anyMatch(a -> a.isEmpty() || a.contains("$")) ? List.of() : addresses;
    }

    private static String of(Map<String, String> hadoop, String id) {
        String named = value(hadoop, PREFIX + "address" + id);
        if (named != null) {
            return named;
        }
        String host = value(hadoop, PREFIX + "hostname" + id);
        return host != null ? host + ":" + PORT : id.isEmpty() ? "0.0.0.0:" + PORT : ""; // as yarn-default.xml
    }

    /** A value with what it is made of; null if there is none. */
    private static @Nullable String value(Map<String, String> hadoop, String key) {
        String value = hadoop.get(key);
        for (int i = 0; value != null && i < DEPTH; i++) {
            Matcher m = VARIABLE.matcher(value);
            String inside = m.find() ? hadoop.get(m.group(1)) : null;
            if (inside == null) {
                break;
            }
            value = value.substring(0, m.start()) + inside + value.substring(m.end());
        }
        return value == null || value.isBlank() ? null : value.strip();
    }

    private static void read(Path file, Map<String, String> all) {
        try {
            DocumentBuilderFactory factory = DocumentBuilderFactory.newDefaultNSInstance();
            factory.setXIncludeAware(true); // as Hadoop reads it
            DocumentBuilder builder = factory.newDocumentBuilder();
            builder.setErrorHandler(null);
            NodeList properties = builder.parse(file.toFile()).getElementsByTagName("property");
            for (int i = 0; i < properties.getLength(); i++) {
                Element property = (Element) properties.item(i);
                String name = text(property, "name");
                if (!name.isEmpty()) {
                    all.put(name, text(property, "value"));
                }
            }
        } catch (IOException | SAXException | ParserConfigurationException e) {
            throw new LoupeException(
                    "Hadoop's settings " + file + " cannot be read (" + e.getMessage()
                            + "): mend the file, or name another folder by HADOOP_CONF_DIR; nothing was begun.",
                    e);
        }
    }

    private static String text(Element property, String tag) {
        Node child = property.getElementsByTagName(tag).item(0);
        return child == null ? "" : child.getTextContent().strip();
    }
}
