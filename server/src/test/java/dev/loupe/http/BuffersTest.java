package dev.loupe.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.cli.SmallWorkspace;
import org.eclipse.jetty.io.ByteBufferPool;
import org.eclipse.jetty.io.RetainableByteBuffer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A buffer of one caller is never another's, see the decisions. */
class BuffersTest {
    private static Http http;

    @BeforeAll
    static void open() throws Exception {
        http = new Http(SmallWorkspace.folder(), null);
    }

    @AfterAll
    static void close() {
        http.close();
    }

    @Test
    void aBufferThatWasGivenBackIsNotUsedAgain() {
        ByteBufferPool pool = http.server().buffers();
        RetainableByteBuffer.Mutable first = pool.acquire(8192, false);
        byte[] bytes = first.getByteBuffer().array();
        first.release();
        RetainableByteBuffer.Mutable second = pool.acquire(8192, false);
        assertThat(second.getByteBuffer().array()).isNotSameAs(bytes);
        second.release();
    }
}
