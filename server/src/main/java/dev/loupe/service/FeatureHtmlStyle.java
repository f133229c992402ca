package dev.loupe.service;

/** The look of {@link FeatureHtml}: that of the pages, without anything from outside, for screens in light and dark and paper. */
final class FeatureHtmlStyle {
    /** Above this opacity of the activation's colour black reads better than white on dark paper (WCAG 2, 4.5 either way). */
    static final double DARK_INK = 0.58;

    static final String CSS = """
            :root{color-scheme:light dark;--act:245 140 20;--pos:204 85 0;--neg:0 98 168;--paper:#fff;--page:#f6f7f9;
            --ink:#16181d;--soft:#5b6270;--edge:#e3e6eb;--hover:#f0f2f5;--accent:#3451d1;--good:#1d7f4f}
            @media(prefers-color-scheme:dark){:root{--act:255 165 60;--pos:255 140 70;--neg:90 175 245;--paper:#171a20;
            --page:#101217;--ink:#e8eaee;--soft:#a4abb8;--edge:#2a2f38;--hover:#1f242c;--accent:#8ea2ff;--good:#5cc48f}}
            *{box-sizing:border-box}
            body{margin:0 auto;max-width:1180px;padding:24px 16px;background:var(--page);color:var(--ink);
            font:14px/1.45 Inter,system-ui,-apple-system,"Segoe UI","Noto Sans",sans-serif;font-variant-numeric:tabular-nums;
            -webkit-text-size-adjust:100%;print-color-adjust:exact;-webkit-print-color-adjust:exact}
            h1{font-size:22px;line-height:1.2;margin:0 0 4px}h2{font-size:18px;line-height:1.25;margin:0;display:inline}
            h1,h2,p{overflow-wrap:anywhere}p{margin:4px 0}a{color:var(--accent);text-decoration:none}
            h3{font-size:12px;margin:0 0 6px;color:var(--soft);font-weight:600;display:flex;gap:8px;justify-content:space-between}
            h3 small{font-weight:400;text-align:right}small,.dim{color:var(--soft);font-size:12px}
            nav{display:flex;flex-wrap:wrap;gap:4px 14px;margin:8px 0;font-size:13px}
            section{background:var(--paper);border:1px solid var(--edge);border-radius:8px;padding:16px;margin:16px 0}
            .chip{display:inline-block;border:1px solid var(--edge);border-radius:99px;padding:1px 9px;margin-left:8px;
            font-size:12px;color:var(--soft);vertical-align:2px}.chip.good{color:var(--good)}
            .facts{display:flex;flex-wrap:wrap;gap:8px 30px;margin:12px 0}.facts div{display:grid}.facts b{font-size:17px;font-weight:600}
            .cols{display:grid;grid-template-columns:minmax(0,1fr) 330px;gap:16px 28px}.cols>div>*+*{margin-top:16px}
            .bars{display:flex;align-items:flex-end;height:110px;gap:2px;border-bottom:1px solid var(--edge)}
            .bars i{flex:1;background:rgb(var(--act));min-height:1px;border-radius:2px 2px 0 0}.bars i.none{background:none}
            .ends{display:flex;justify-content:space-between;margin-top:2px}
            .ex{display:grid;grid-template-columns:52px minmax(0,1fr) auto;gap:12px;padding:6px 0;border-top:1px solid var(--edge);
            align-items:baseline}.ex b{text-align:right;font-weight:600}.ex small{white-space:nowrap}
            .toks{line-height:1.75;overflow-wrap:anywhere;white-space:pre-wrap}
            .t{background:rgb(var(--act)/var(--a));border-radius:3px;padding:1px 0;color:light-dark(#000,#fff)}.t.s{color:#000}
            .t.peak{box-shadow:inset 0 -2px 0 rgb(var(--act)),0 2px 0 rgb(var(--act))}
            .row{display:grid;grid-template-columns:minmax(0,1fr) 72px 64px;gap:8px;align-items:center;padding:3px 0}
            .row.two{grid-template-columns:minmax(0,1fr) 64px}.row span{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
            .row em{font-style:normal;text-align:right}.row u{display:block;height:8px;border-radius:4px;background:var(--hover)}
            .row u i{display:block;height:100%;border-radius:4px;background:rgb(var(--act))}
            .pos u i{background:rgb(var(--pos))}.neg u i{background:rgb(var(--neg))}
            .mono{font:12.5px/1.5 ui-monospace,"DejaVu Sans Mono",Menlo,monospace}
            summary{cursor:pointer;color:var(--soft);padding:6px 0}
            table{border-collapse:collapse;width:100%;display:block;overflow-x:auto}
            th{font-size:12px;color:var(--soft)}td,th{padding:4px 12px 4px 0;text-align:left;font-weight:400;vertical-align:baseline}
            td{border-top:1px solid var(--edge)}td.n,th.n{text-align:right;white-space:nowrap}
            @media(max-width:760px){.cols{grid-template-columns:minmax(0,1fr)}.ex{grid-template-columns:40px minmax(0,1fr)}
            .ex small{grid-column:2}section{padding:12px}}
            @media print{:root{color-scheme:light}body{background:none;padding:0}section{break-inside:avoid-page}}
            """;

    private FeatureHtmlStyle() {}
}
