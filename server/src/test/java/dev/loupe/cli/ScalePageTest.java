package dev.loupe.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.fixtures.ProjectRoot;
import dev.loupe.store.StoreManifest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the plan for ten billion tokens asks for, the product does. */
class ScalePageTest {
    @TempDir
    Path folder;

    @Test
    void theShardsThatThePlanCountsWithAreMadeThough256MegabytesWouldBeFewerRows() throws Exception {
        List<String> rows = Pattern.compile("--shard-rows (\\d+)")
                .matcher(Files.readString(ProjectRoot.resolve("server/docs/scale.md")))
                .results()
                .map(m -> m.group(1))
                .distinct()
                .toList();
        assertThat(rows).hasSize(1);
        String hooks = "blocks.1.hook_resid_post,blocks.2.hook_resid_post,blocks.3.hook_resid_post";
        assertThat(Long.parseLong(rows.getFirst()) * 3 * 192 * 4).isGreaterThan(256L << 20);
        Path text = Files.writeString(folder.resolve("text.jsonl"), SmallWorkspace.documents(20));
        Cli.Result r = new Cli(folder.resolve("ws"))
                .run(
                        "capture",
                        "--text",
                        text.toString(),
                        "--hook",
                        hooks,
                        "--tokens",
                        "400",
                        "--name",
                        "s",
                        "--shard-rows",
                        rows.getFirst());
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(StoreManifest.read(folder.resolve("ws/activations/s"))
                        .content()
                        .capture())
                .containsEntry("shard_rows", Integer.parseInt(rows.getFirst()));
    }
}
