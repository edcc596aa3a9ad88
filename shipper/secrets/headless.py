"""Tokens whose head is no literal of their own, a line each."""

#: Tokens that do not begin with a literal: name, literals, characters before it, form, source.
TAILED = r"""
mailchimp-key             -us        33 {{(?<![0-9a-fA-F])}}<x32>-us<d1+2> mailchimp.com/developer
maxmind-key               _mmk       40 <w6>_<w29>_mmk dev.maxmind.com
newrelic-licence          nral       44 {{(?:[a-z]{2}[0-9]{2}xx[0-9a-f]{30}|[0-9a-fA-F]{32,36}(?:FFFF|ffff)?)}}NRAL docs.newrelic.com
telegram-bot              :aa        12 {{(?<![0-9])[0-9]{7,11}:AA}}<s28+33> core.telegram.org/bots/api
terraform-token           .atlasv1.  16 <w14>.atlasv1.<t40+67> developer.hashicorp.com/terraform
azure-client-secret       q~         8 {{(?<![\w~.\-])[\w~.\-]{3}[0-9]Q~}}<v28+34> learn.microsoft.com/entra
azure-devops-marked       azdo       100 <w76>AZDO<w4>{{(?![A-Za-z0-9])}} learn.microsoft.com/azure/devops
unleash-token             :development.,:production.,:default. 50 {{(?<![\w-])[\w*-]{1,40}:(?:development|production|default)\.}}<x40+56> docs.getunleash.io
azure-marked-key          azca,azfu,azse,azsb,azac,azeg,azma,+ast,+aba,+acr,+asb,+aeh,+arm,+amc,+aiot,acdb,aiot,apim,jqqj99 100 {{(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{28,86}(?:Az(?:Ca|Fu|Se|SB|Ac|EG|MA)|\+(?:ASt|ABa|ACR|ASb|AEh|ARm|AMC|AIoT)|ACDb|AIoT|APIM|JQQJ99)[A-Za-z0-9+/_-]{4,40}={0,2}(?![A-Za-z0-9+/_])}} learn.microsoft.com/azure
tableau-token             ==:        24 {{(?<![A-Za-z0-9+/])}}<b22>==:<w32>{{(?![A-Za-z0-9])}} help.tableau.com
"""

#: Tokens whose head is a common word: they count only if the rest looks random.
WEAK = r"""
backblaze-key             K00<b28>                       backblaze.com/docs
beamer-key                b_<s40+44>                     getbeamer.com/docs
chroma-key                ck-<w40+44>                    docs.trychroma.com
composio-key              ak_<s18+40>                    docs.composio.dev
fauna-secret              fnA<s36+40>                    docs.faunadb.org
flagsmith-server          ser.<w20+22>                   docs.flagsmith.com
gocardless-token          live_{{(?<!pk_live_)}}<s36+40> developer.gocardless.com
mandrill-key              md-<s22>                       mailchimp.com/developer
modal-key                 ak-<w22>                       modal.com/docs
modal-secret              as-<w22>                       modal.com/docs
nomic-key                 nk-<s40+43>                    docs.nomic.ai
northflank-token          nf-<w32+40>                    northflank.com/docs
phabricator-cli           cli-<l28>                      secure.phabricator.com
phabricator-key           api-<l28>                      secure.phabricator.com
statsig-console           console-<w36+44>               docs.statsig.com
statsig-secret            secret-<w36+44>                docs.statsig.com
zep-key                   z_<t60+100>                    help.getzep.com
"""
