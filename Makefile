# The one door to the workshop. `make help` lists what it can do.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test check lint fix types i18n demo migrate bench load clean setup setup-dev lock where \
        layers drift translations house

BIN   := .venv/bin
FLASK := $(BIN)/python -m flask --app run
CODE  := $(wildcard app bench scripts tests config.py run.py)

# a Chinese terminal or a bare C locale: the same words; and each line at once, also into a pipe
export PYTHONUTF8 := 1
export PYTHONUNBUFFERED := 1

help: ## 显示本说明
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ── the product ─────────────────────────────────────────────────────────────────────────────────────────

run: .venv/.runtime catalogues ## 安装、建库、装入演示数据并启动 http://127.0.0.1:8080（PORT= DATABASE_URL= UNIONDESK_HOME=）
	@echo "[3/3] 启动 UnionDesk …"
	@exec $(BIN)/python run.py

demo: .venv/.runtime catalogues ## 装入演示数据（不启动）
	$(FLASK) demo load

migrate: .venv/.runtime ## 升级数据库结构，并登记新增的权限
	$(FLASK) house prepare

# ── the proof ───────────────────────────────────────────────────────────────────────────────────────────

# T= is handed to pytest: make test T=tests/kit, make test T="tests/modules -k petition"
T ?=
# as many workers as cores, at most four: WORKERS=0 runs in one process, for a debugger
WORKERS ?= auto
CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
export CHROMIUM

test: .venv/.dev catalogues ## 运行测试（T=tests/kit 只跑一部分；TEST_DATABASE_URL= 换 PostgreSQL）
	@test -n "$(CHROMIUM)" || echo "没有找到 Chromium，本次不运行浏览器测试。Debian/Ubuntu 安装：apt-get install chromium fonts-noto-cjk"
	@$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --dist loadscope --no-loadscope-reorder $(if $(CHROMIUM),,-m "not browser") $(T)

check: .venv/.dev catalogues ## 提交前的全部检查：格式、类型、分层、迁移、译文、房屋测试
	@$(MAKE) --no-print-directory --keep-going lint types layers drift translations house
	@echo "检查全部通过。"

lint: .venv/.dev ## 检查代码与模板的格式和写法
	$(BIN)/python -m ruff check $(CODE)
	$(BIN)/python -m ruff format --check $(CODE)
	$(BIN)/python -m djlint --lint --quiet --allow-empty-input app/templates

fix: .venv/.dev ## 自动修正格式
	$(BIN)/python -m ruff check --fix $(CODE)
	$(BIN)/python -m ruff format $(CODE)

types: .venv/.dev ## 检查类型（app/kit 严格）
	$(BIN)/python -m mypy

layers: .venv/.dev # each storey imports only from below
	$(BIN)/lint-imports --no-logo

drift: .venv/.dev # the migrations make exactly the tables of the models
	$(FLASK) house drift

translations: .venv/.dev catalogues # every word has its translation
	$(FLASK) house translations

house: .venv/.dev catalogues # the plan itself
	$(BIN)/python -m pytest tests/house -q

bench: .venv/.bench ## 并排测速：本系统、原生 Flask-AppBuilder、Django admin、纯 SQL（B= 传给测速程序）
	$(BIN)/python -m bench $(B)

load: .venv/.dev ## 压测：在测速库上重放一天的操作，高峰×3、拐点、拐点×10，核对每一笔写入（BENCH_ROWS=）
	$(BIN)/python -m bench.load

# ── the words ───────────────────────────────────────────────────────────────────────────────────────────

CATALOGUES := $(patsubst %.po,%.mo,$(wildcard translations/*/LC_MESSAGES/messages.po))
BABEL := $(BIN)/python -m babel.messages.frontend -q
WORDS := -k _l -k lazy_gettext -k lazy_ngettext:1,2

i18n: .venv/.dev ## 从代码提取词条，更新并编译 translations/
	mkdir -p translations/en/LC_MESSAGES
	$(BABEL) extract -F babel.cfg $(WORDS) --project=UnionDesk --add-location=file --sort-by-file \
	    -o translations/messages.pot app
	test -f translations/en/LC_MESSAGES/messages.po || \
	    $(BABEL) init -i translations/messages.pot -d translations -l en
	$(BABEL) update -i translations/messages.pot -d translations -l en \
	    --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date
	$(MAKE) --no-print-directory catalogues

.PHONY: catalogues
catalogues: $(CATALOGUES)

%.mo: %.po
	@$(BABEL) compile -i $< -o $@

# ── the environment ─────────────────────────────────────────────────────────────────────────────────────

setup: .venv/.runtime ## 只安装运行所需的依赖
setup-dev: .venv/.dev ## 安装运行、测试与检查所需的全部依赖

.venv/.runtime: requirements.lock
	@python=$$(PYTHON="$(PYTHON)" scripts/find-python) && "$$python" scripts/setup.py $< $@

# the second lock holds the first, so that one installation serves both
.venv/.dev: requirements-dev.lock requirements.lock
	@python=$$(PYTHON="$(PYTHON)" scripts/find-python) && "$$python" scripts/setup.py $< .venv/.runtime $@

# the rivals of the bench: beside what runs the product, never in its lock
.venv/.bench: bench/requirements.lock .venv/.dev
	@python=$$(PYTHON="$(PYTHON)" scripts/find-python) && "$$python" scripts/setup.py $< $@

UV := $(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 \
      --generate-hashes --no-header

lock: .venv/.dev ## 按 pyproject.toml 重新锁定依赖版本（UPGRADE=1 同时升级）
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.8
	$(UV) pyproject.toml $(if $(UPGRADE),--upgrade) -o requirements.lock
	$(UV) pyproject.toml $(if $(UPGRADE),--upgrade) --group test --group lint -c requirements.lock -o requirements-dev.lock
	$(UV) --group bench $(if $(UPGRADE),--upgrade) -c requirements.lock -o bench/requirements.lock
	@! grep -nE '://|^--(index|extra-index|find-links)' requirements.lock requirements-dev.lock bench/requirements.lock

where: ## 列出一个模块的全部文件：make where m=petition
	@test -n "$(m)" || { echo "用法：make where m=petition"; exit 2; }
	@find app docs tests bench -name "*$(m)*" -not -path "*/__pycache__*" 2>/dev/null | sort

clean: ## 清除缓存与编译结果（保留 .venv 和 instance/）
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis test-results htmlcov
	find app bench scripts tests translations \( -name __pycache__ -o -name "*.mo" \) -prune -exec rm -rf {} + 2>/dev/null || true
