package dev.loupe.patch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.NotFoundException;
import dev.loupe.base.UsageException;
import dev.loupe.patch.task.PatchPair;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PairFilesTest {
    @TempDir
    Path folder;

    @Test
    void csvKeepsSpacesQuotesCommasAndColumnsInAnyOrder() {
        List<PatchPair> pairs = PairFiles.parse(
                "\uFEFFanswer,wrong,clean,corrupt\r\n am, are,\"I say \"\"so\"\", I\",\"We say, we\"\r\n\n",
                true,
                "x.csv");
        assertThat(pairs).containsExactly(PatchPair.of("I say \"so\", I", "We say, we", " am", " are"));
    }

    @Test
    void jsonLinesTakeOneAnswerOrASet() throws Exception {
        Path file = folder.resolve("p.jsonl");
        Files.writeString(file, """
                {"clean": "a", "corrupt": "b", "answer": " x", "wrong": " y"}

                {"clean": "a", "corrupt": "b", "answers": [" x", " z"], "wrongs": [" y"], "more": 1}
                """);
        assertThat(PairFiles.read(file))
                .containsExactly(
                        PatchPair.of("a", "b", " x", " y"),
                        new PatchPair("a", "b", List.of(" x", " z"), List.of(" y")));
    }

    @Test
    void whatIsWrongIsNamedWithItsLine() {
        refused("clean,corrupt,answer\na,b,c", true, "no column wrong");
        refused("clean,corrupt,answer,wrong\na,b,c", true, "Row 2 of f has 3 fields where 4");
        refused("clean,corrupt,answer,wrong\n\"a,b,c,d", true, "never closed");
        refused("clean,corrupt,answer,wrong\n,b,c,d", true, "Pair 2 of f lacks");
        refused("{\"clean\": \"a\"}\n", false, "Pair 1 of f lacks");
        refused("{\"clean\": \"a\", \"corrupt\": \"b\"}\nnonsense\n", false, "Line 2 of f");
        refused("", false, "no prompt pairs in f");
        assertThatThrownBy(() -> PairFiles.read(folder.resolve("none.csv"))).isInstanceOf(NotFoundException.class);
    }

    private static void refused(String text, boolean csv, String words) {
        assertThatThrownBy(() -> PairFiles.parse(text, csv, "f"))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining(words);
    }
}
