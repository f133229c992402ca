package dev.loupe.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Json;
import dev.loupe.cli.SmallWorkspace;
import dev.loupe.fixtures.Python;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** The official OpenAI clients, as they are, against this server. */
class OpenAiClientsTest {
    private static final String JS_CLIENT = "openai@6.49.0";

    private static final String PYTHON = """
            import json, sys
            import openai
            url, model = sys.argv[1:3]
            client = openai.OpenAI(base_url=url, api_key="none", max_retries=0)
            messages = [{"role": "user", "content": "Who speaks?"}]
            edits = {"edits": [{"feature": "tiny-s0:3", "op": "add", "strength": 3000, "unit": "absolute"}]}
            out = {}
            out["models"] = [m.id for m in client.models.list().data]
            r = client.chat.completions.create(model=model, messages=messages, max_tokens=8, temperature=0,
                                               logprobs=True, top_logprobs=2)
            out["chat"] = r.choices[0].message.content
            out["top"] = len(r.choices[0].logprobs.content[0].top_logprobs)
            out["total"] = r.usage.total_tokens - r.usage.prompt_tokens - r.usage.completion_tokens
            pieces, usage = [], None
            for chunk in client.chat.completions.create(model=model, messages=messages, max_tokens=8, temperature=0,
                                                        stream=True, stream_options={"include_usage": True}):
                pieces += [c.delta.content or "" for c in chunk.choices]
                usage = chunk.usage or usage
            out["streamed"] = "".join(pieces)
            out["counted"] = usage.completion_tokens
            r = client.chat.completions.create(model=model, messages=messages, max_completion_tokens=8, temperature=0,
                                               extra_body={"loupe": edits})
            out["steered"] = r.choices[0].message.content
            r = client.completions.create(model="builtin", prompt=["We", "Die"], max_tokens=4, n=2, seed=5, logprobs=1,
                                          stop=["\\n"], presence_penalty=0.5)
            out["texts"] = [c.text for c in r.choices]
            out["again"] = [c.text for c in client.completions.create(
                model="builtin", prompt=["We", "Die"], max_tokens=4, n=2, seed=5, stop="\\n", presence_penalty=0.5).choices]
            out["plain"] = "".join(c.choices[0].text for c in client.completions.create(
                model="builtin", prompt="I would like", max_tokens=6, temperature=0, stream=True))
            errors = []
            for bad in (dict(model="nobody", messages=messages), dict(model=model, messages=[]),
                        dict(model=model, messages=messages, temperature=-1),
                        dict(model=model, messages=messages, extra_body={"loupe": {"variant": "nobody"}})):
                try:
                    client.chat.completions.create(**bad)
                except openai.APIStatusError as e:
                    errors.append([type(e).__name__, e.param])
            out["errors"] = errors
            print(json.dumps(out))
            """;

    private static final String JAVASCRIPT = """
            import OpenAI from 'openai';
            const [url, model] = process.argv.slice(2);
            const client = new OpenAI({baseURL: url, apiKey: 'none', maxRetries: 0});
            const messages = [{role: 'user', content: 'Who speaks?'}];
            const edits = {edits: [{feature: 'tiny-s0:3', op: 'add', strength: 3000, unit: 'absolute'}]};
            const out = {};
            const common = {model, messages, max_tokens: 8, temperature: 0};
            out.models = (await client.models.list()).data.map(m => m.id);
            const r = await client.chat.completions.create({...common, logprobs: true, top_logprobs: 2});
            out.chat = r.choices[0].message.content;
            out.top = r.choices[0].logprobs.content[0].top_logprobs.length;
            out.total = r.usage.total_tokens - r.usage.prompt_tokens - r.usage.completion_tokens;
            out.streamed = '';
            for await (const chunk of await client.chat.completions.create(
                {...common, stream: true, stream_options: {include_usage: true}})) {
              for (const c of chunk.choices) out.streamed += c.delta.content ?? '';
              if (chunk.usage) out.counted = chunk.usage.completion_tokens;
            }
            out.steered = (await client.chat.completions.create({...common, loupe: edits})).choices[0].message.content;
            const prompts = {model: 'builtin', prompt: ['We', 'Die'], max_tokens: 4, n: 2, seed: 5, stop: '\\n',
                             presence_penalty: 0.5};
            out.texts = (await client.completions.create({...prompts, logprobs: 1})).choices.map(c => c.text);
            out.again = (await client.completions.create(prompts)).choices.map(c => c.text);
            out.plain = '';
            for await (const c of await client.completions.create(
                {model: 'builtin', prompt: 'I would like', max_tokens: 6, temperature: 0, stream: true}))
              out.plain += c.choices[0].text;
            out.errors = [];
            for (const bad of [{...common, model: 'nobody'}, {...common, messages: []}, {...common, temperature: -1},
                               {...common, loupe: {variant: 'nobody'}}]) {
              try {
                await client.chat.completions.create(bad);
              } catch (e) {
                out.errors.push([e.constructor.name, e.param ?? null]);
              }
            }
            console.log(JSON.stringify(out));
            """;

    private static Http http;
    private static String chatty;

    @BeforeAll
    static void start() throws Exception {
        http = new Http(SmallWorkspace.folder(), null);
        chatty = ChatTest.chatty(http.bench().models().folder("builtin"));
    }

    @AfterAll
    static void stop() {
        http.close();
    }

    private static String url() {
        return "http://127.0.0.1:" + http.server().port() + "/v1";
    }

    @Test
    void thePythonClientWorksUnchanged() throws Exception {
        Path python = Python.require("That the OpenAI client for Python works goes untested.");
        check(Json.MAPPER.readTree(Python.run(python, PYTHON, url(), chatty)));
    }

    @Test
    void theJavaScriptClientWorksUnchanged() throws Exception {
        Path folder = Files.createDirectories(Path.of("target/openai-js").toAbsolutePath());
        Files.writeString(folder.resolve("package.json"), "{\"type\": \"module\"}");
        if (!Files.isDirectory(folder.resolve("node_modules/openai"))) {
            String failed = run(folder, "npm", "install", "--no-audit", "--no-fund", "--no-save", JS_CLIENT);
            if (failed == null || !Files.isDirectory(folder.resolve("node_modules/openai"))) {
                String message = "SKIPPED: no Node.js, or the OpenAI client for JavaScript cannot be had.";
                System.err.println(message);
                Assumptions.abort(message);
            }
        }
        Path script = folder.resolve("clients.mjs");
        Files.writeString(script, JAVASCRIPT);
        String printed = run(folder, "node", script.toString(), url(), chatty);
        check(Json.MAPPER.readTree(printed));
    }

    private static void check(JsonNode out) {
        assertThat(out.path("models").toString()).contains("builtin");
        assertThat(out.path("chat").asString()).isNotBlank();
        assertThat(out.path("streamed")).isEqualTo(out.path("chat"));
        assertThat(out.path("steered")).isNotEqualTo(out.path("chat"));
        assertThat(out.path("top").asInt()).isEqualTo(2);
        assertThat(out.path("total").asInt()).isZero();
        assertThat(out.path("counted").asInt()).isBetween(1, 8);
        assertThat(out.path("texts").size()).isEqualTo(4);
        assertThat(out.path("again")).isEqualTo(out.path("texts"));
        assertThat(out.path("plain").asString()).isNotBlank();
        assertThat(out.path("errors").toString())
                .isEqualTo("[[\"NotFoundError\",null],[\"BadRequestError\",\"messages\"],"
                        + "[\"BadRequestError\",\"temperature\"],[\"NotFoundError\",null]]");
    }

    /** What a program prints; null if there is no such program or it fails. */
    private static String run(Path folder, String... command) throws IOException, InterruptedException {
        Process process;
        try {
            process = new ProcessBuilder(List.of(command))
                    .directory(folder.toFile())
                    .redirectError(folder.resolve("errors.txt").toFile())
                    .start();
        } catch (IOException e) {
            return null;
        }
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return process.waitFor(120, TimeUnit.SECONDS) && process.exitValue() == 0 ? out : null;
    }
}
