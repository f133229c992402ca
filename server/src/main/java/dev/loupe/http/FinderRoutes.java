package dev.loupe.http;

import dev.loupe.service.SteeringFinder;
import dev.loupe.service.Workbench;
import dev.loupe.steer.TextContrast;
import dev.loupe.steer.TokenAttribution;
import dev.loupe.steer.language.LanguageTable;
import java.util.List;

/** What to steer by, and how well it works. */
final class FinderRoutes {
    private final Workbench bench;

    record Trials(List<String> trials) {}

    FinderRoutes(Workbench bench) {
        this.bench = bench;
    }

    List<Route> routes() {
        return List.of(
                Route.post(
                        "/steer/contrast",
                        "What tells two sets of texts apart: difference of means, a probe, and the latents that differ"
                                + " most; the difference can be saved as a steering vector, without what it shares with"
                                + " sets of texts to keep.",
                        SteeringFinder.Contrast.class,
                        TextContrast.class,
                        ctx -> ctx.json(bench.finder()
                                .contrast(
                                        Params.body(ctx, SteeringFinder.Contrast.class), new Caller(ctx).progress()))),
                Route.post(
                        "/steer/attribution",
                        "Which latents made the model expect a token: gradient times activation.",
                        SteeringFinder.Expected.class,
                        TokenAttribution.class,
                        ctx -> ctx.json(bench.finder()
                                .attribute(
                                        Params.body(ctx, SteeringFinder.Expected.class), new Caller(ctx).progress()))),
                Route.get(
                        "/steer/languages",
                        "Names of the measured trials of language steering.",
                        Trials.class,
                        ctx -> ctx.json(new Trials(bench.languages().list()))),
                Route.get(
                        "/steer/languages/{name}",
                        "A measured trial of language steering.",
                        LanguageTable.class,
                        ctx -> ctx.json(bench.languages().get(ctx.pathParam("name")))));
    }
}
