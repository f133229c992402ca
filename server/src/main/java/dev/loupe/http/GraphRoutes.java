package dev.loupe.http;

import dev.loupe.base.Names;
import dev.loupe.base.UsageException;
import dev.loupe.graph.AttributionGraph;
import dev.loupe.graph.GraphComparison;
import dev.loupe.graph.GraphImport;
import dev.loupe.graph.GraphRequest;
import dev.loupe.graph.GraphScores;
import dev.loupe.graph.GraphView;
import dev.loupe.graph.Intervention;
import dev.loupe.graph.InterventionResult;
import dev.loupe.service.GraphSpec;
import dev.loupe.service.Graphs;
import dev.loupe.service.Job;
import dev.loupe.service.Workbench;
import io.javalin.http.Context;
import io.javalin.http.HandlerType;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Attribution graphs. */
final class GraphRoutes {
    private static final long MOST_BYTES = 128L << 20;

    private final Workbench bench;
    private final LargeBody imports =
            new LargeBody(MOST_BYTES, "import the graph with loupe circuit graph --import FILE --save NAME.");

    record GraphList(List<Graphs.Entry> graphs, List<String> transcoders) {}

    record Part(List<String> nodes) {
        @SuppressWarnings({"ConstantValue", "NullAway"}) // JSON leaves absent fields null, whatever the types say
        Part {
            nodes = nodes == null ? List.of() : nodes;
        }
    }

    record Changes(List<Intervention> changes) {
        @SuppressWarnings({"ConstantValue", "NullAway"}) // JSON leaves absent fields null, whatever the types say
        Changes {
            if (changes == null || changes.isEmpty()) {
                throw new UsageException("There is nothing to change: send {\"changes\": [{\"node\": \"3_17_4\","
                        + " \"factor\": 0}]}.");
            }
        }
    }

    GraphRoutes(Workbench bench) {
        this.bench = bench;
    }

    List<Route> routes() {
        return List.of(
                Route.get(
                        "/graphs",
                        "Saved attribution graphs, and the transcoder sets that new ones can be made with.",
                        GraphList.class,
                        ctx -> ctx.json(new GraphList(
                                bench.graphs().list(), bench.graphs().transcoders()))),
                Route.post(
                                "/graphs",
                                "Explains how a model continues a prompt; with a name (query) the graph is saved.",
                                GraphRequest.class,
                                AttributionGraph.class,
                                this::run)
                        .with(new Route.Query("name", "string", "under which name to save it; not saved if absent")),
                Route.post(
                        "/graphs/jobs", "Computes a graph in a job and saves it.", GraphSpec.class, Job.class, ctx -> {
                            GraphSpec spec = Params.body(ctx, GraphSpec.class);
                            ctx.status(202).json(bench.jobs().start("graph", spec));
                        }),
                Route.get(
                        "/graphs/{id}",
                        "A saved graph, its features labelled.",
                        AttributionGraph.class,
                        ctx -> ctx.json(graph(ctx))),
                export("tracer", "json", "application/json", "A saved graph in circuit-tracer's JSON."),
                export("svg", "svg", "image/svg+xml", "A saved graph as a picture."),
                export("dot", "dot", "text/vnd.graphviz", "A saved graph for Graphviz."),
                Route.post(
                        "/graphs/{id}/import",
                        "Saves a graph in circuit-tracer's JSON under a name.",
                        Object.class,
                        AttributionGraph.class,
                        this::take),
                Route.get(
                        "/graphs/{id}/view",
                        "What is pinned, grouped and named in a saved graph.",
                        GraphView.class,
                        ctx -> ctx.json(bench.graphs().view(ctx.pathParam("id")))),
                Route.post(
                                "/graphs/{id}/view",
                                "Keeps what is pinned, grouped and named in a saved graph.",
                                GraphView.class,
                                GraphView.class,
                                ctx -> {
                                    GraphView view = Params.body(ctx, GraphView.class);
                                    bench.graphs().saveView(ctx.pathParam("id"), view);
                                    ctx.json(view);
                                })
                        .by(HandlerType.PUT),
                Route.post(
                        "/graphs/{id}/scores",
                        "Replacement and completeness score of a part of a saved graph, its other features as errors.",
                        Part.class,
                        GraphScores.class,
                        ctx -> ctx.json(bench.graphs()
                                .scores(graph(ctx), Params.body(ctx, Part.class).nodes(), new Caller(ctx).progress()))),
                Route.post(
                        "/graphs/{id}/interventions",
                        "Runs a saved graph's prompt with some of its nodes multiplied, 0 taking one away.",
                        Changes.class,
                        InterventionResult.class,
                        ctx -> ctx.json(bench.graphs()
                                .intervene(
                                        graph(ctx),
                                        Params.body(ctx, Changes.class).changes(),
                                        new Caller(ctx).progress()))),
                Route.get(
                                "/graphs/{id}/compare/{other}",
                                "Two saved graphs: nodes and edges of both and of one alone.",
                                GraphComparison.class,
                                ctx -> ctx.json(bench.graphs().compare(ctx.pathParam("id"), ctx.pathParam("other"))))
                        .working());
    }

    private void take(Context ctx) {
        String name = Names.check(ctx.pathParam("id"));
        AttributionGraph taken =
                imports.with(ctx, body -> bench.graphs().importAs(GraphImport.read(body, "the request"), name));
        ctx.status(201).json(taken);
    }

    private AttributionGraph graph(Context ctx) {
        return bench.graphs().get(ctx.pathParam("id"));
    }

    private void run(Context ctx) {
        AttributionGraph found = bench.graphs().run(Params.body(ctx, GraphRequest.class), new Caller(ctx).progress());
        @Nullable String name = ctx.queryParam("name");
        ctx.json(name == null ? found : bench.graphs().save(found, name));
    }

    private Route export(String path, String form, String type, String summary) {
        return Route.get("/graphs/{id}/" + path, summary, Object.class, ctx -> {
                    String text = bench.graphs().export(graph(ctx), form);
                    ctx.contentType(type).result(text);
                })
                .of(type);
    }
}
