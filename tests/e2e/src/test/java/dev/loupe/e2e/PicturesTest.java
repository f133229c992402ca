package dev.loupe.e2e;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Download;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import dev.loupe.base.Progress;
import dev.loupe.map.DecoderMap;
import dev.loupe.service.Workbench;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Pattern;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.junit.jupiter.api.Test;

/** The overview pictures: drawn from the numbers of the index, the same each time, and to be had as files. */
class PicturesTest {
    private final Workbench workbench = RealWorkspace.get().workbench();

    @Test
    void the_map_is_the_same_each_time_it_is_drawn_and_is_kept_beside_the_index() throws IOException {
        DecoderMap first = workbench.pictures().map(RealWorkspace.SAE, Progress.silent());
        Path file = workbench.workspace().features().resolve(RealWorkspace.SAE).resolve(DecoderMap.FILE);
        assertThat(file).isRegularFile();
        Files.delete(file);
        DecoderMap again = workbench.pictures().map(RealWorkspace.SAE, Progress.silent());
        assertThat(again.x()).containsExactly(first.x());
        assertThat(again.y()).containsExactly(first.y());
        assertThat(again.divergence()).isEqualTo(first.divergence());
    }

    @Test
    void the_map_opens_features_and_its_points_come_as_an_arrow_file() throws IOException {
        DecoderMap map = workbench.pictures().map(RealWorkspace.SAE, Progress.silent());
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page = tab.go("/features/" + RealWorkspace.SAE + "?picture=map");
            Locator chart = page.locator("#pictures loupe-scatter");
            assertThat(chart.locator("svg")).hasAttribute("aria-label", Pattern.compile("128 points"));
            page.locator("#pictures .seg button:text-is('language')").click();
            assertThat(page).hasURL(Pattern.compile("colour=language"));
            assertThat(chart.locator(".legend")).containsText("Finnish");
            chart.locator("summary").click();
            Download file = page.waitForDownload(
                    () -> chart.locator("a.btn:text-is('Arrow')").click());
            try (RootAllocator allocator = new RootAllocator();
                    FileChannel channel = FileChannel.open(file.path());
                    ArrowFileReader reader = new ArrowFileReader(channel, allocator)) {
                assertThat(reader.loadNextBatch()).isTrue();
                Float8Vector x = (Float8Vector) reader.getVectorSchemaRoot().getVector("x");
                assertThat(x.getValueCount()).isEqualTo(128);
                assertThat(x.get(7)).isEqualTo(map.x()[7]);
            }
            chart.locator("svg").focus();
            page.keyboard().press("ArrowRight");
            page.keyboard().press("Enter");
            assertThat(page).hasURL(Pattern.compile("/features/" + RealWorkspace.SAE + "/[0-9]+$"));
            assertThat(tab.wrong()).isEmpty();
        }
    }

    @Test
    void the_training_is_shown_from_the_curves_that_were_kept() {
        Map<String, double[]> curves =
                workbench.pictures().training(RealWorkspace.SAE).orElseThrow();
        assertThat(curves).containsKeys("step", "loss", "l0", "fvu");
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page = tab.go("/features/" + RealWorkspace.SAE + "?picture=training");
            assertThat(page.locator("#pictures loupe-curve svg").first()).isVisible();
            assertThat(page.locator("#pictures")).containsText("fvu");
            page.locator("#pictures [role=tab]:text-is('Scatter')").click();
            assertThat(page).hasURL(Pattern.compile("picture=scatter"));
            assertThat(page.locator("#pictures loupe-scatter svg")).isVisible();
            assertThat(tab.wrong()).isEmpty();
        }
    }

    @Test
    void saes_that_no_other_beats_are_joined() {
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page = tab.go("/features");
            Locator chart = page.locator("loupe-scatter");
            Pattern label = Pattern.compile("of ([2-9]|[1-9][0-9]) SAEs: \\1 points"); // other tests train more
            assertThat(chart.locator("svg")).hasAttribute("aria-label", label);
            assertThat(chart.locator("svg")).hasAttribute("aria-label", Pattern.compile("FVU against L0"));
            assertThat(tab.wrong()).isEmpty();
        }
    }
}
