// The landing page in a real browser, against the lab: from nginx through the balancer to the API. And the dashboards.
//
// usage: npm ci && npm test     with the lab up, and converged by playbooks/site.rhai
//
// One process runs the files one after another: some of them stop the service for a while.

import "./reading.js";
import "./answer.js";
import "./trouble.js";
import "./access.js";
import "./looks.js";
import "./policy.js";
import "./dashboards.js";
