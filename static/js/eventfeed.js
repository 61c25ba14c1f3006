// The one entry: each module brings one thing to life, and the pages work without any of them.
import "./box.js";
import "./copy.js";
import "./counted.js";
import "./density.js";
import "./drawer.js";
import "./feed.js";
import "./facets.js";
import "./filter.js";
import "./histogram.js";
import "./ink.js";
import "./keys.js";
import "./menus.js";
import "./narrow.js";
import "./preview.js";
import "./times.js";
import "./views.js";
import "./waiting.js";
