"""The suite's own weights in the forms that other servers read: GGUF as it is, GGUF of BERT, safetensors."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from conformance.targets.fixtures.models import CHAT, EMBEDDINGS, SMOLLM2

from .process import run_step, say

_BERT_SPECIAL = {"[PAD]", "[CLS]", "[SEP]", "[MASK]"}

EXPORT_NEEDS = ("accelerate", "gguf")
"""What `export_smollm2` needs besides torch and transformers."""

_EXPORT = """
import sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
folder, file, out = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file)
model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32)
model.hf_quantizer, model.is_quantized = None, False  # else it refuses to be saved: "quantized with gguf"
if hasattr(model.config, "quantization_config"):
    del model.config.quantization_config
model.save_pretrained(out)
tokenizer.save_pretrained(out)
"""


def smollm2_gguf() -> Path:
    """Return the chat model's file, fetched if the cache lacks it."""
    files = CHAT.fetch_files(progress=say)
    return files[SMOLLM2.files[0].path.removeprefix(CHAT.folder)]


def minilm_folder() -> Path:
    """Return the embedding model's folder (safetensors), fetched if the cache lacks it."""
    return EMBEDDINGS.fetch_files(progress=say)["config.json"].parent


def link_minilm(link: Path) -> Path:
    """Make a link to the embedding model's folder unless it is there; return the link."""
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(minilm_folder())
    return link


def write_chat_template(file: Path) -> Path:
    """Write the suite's template of the chat model, whose own knows no tools; return the file."""
    file.write_text(CHAT.jinja_template(), encoding="utf-8")
    return file


def export_smollm2(python: str, out: Path) -> Path:
    """Write the chat model as a folder of safetensors unless it is there; `python` has `EXPORT_NEEDS`."""
    if not (out / "model.safetensors").exists():
        source = smollm2_gguf()
        command = [python, "-c", _EXPORT, str(source.parent), source.name, str(out)]
        run_step("writing the chat model as safetensors", command, {"HF_HUB_OFFLINE": "1"})
    write_chat_template(out / "chat_template.jinja")
    return out


def write_minilm_gguf(file: Path) -> Path:
    """Write the embedding model as GGUF unless it is there: with its pooling, which llama.cpp reads from the file."""
    if file.exists():
        return file
    folder = minilm_folder()
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    unfinished = file.with_suffix(".partial")
    writer = gguf.GGUFWriter(unfinished, "bert")
    _add_bert_parameters(writer, config)
    _add_word_pieces(writer, (folder / "vocab.txt").read_text(encoding="utf-8").splitlines())
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, config["num_hidden_layers"])
    for name, tensor in _read_safetensors(folder / "model.safetensors"):
        ours = names.get_name(name.removeprefix("bert."), try_suffixes=(".weight", ".bias"))
        if ours is not None and not name.startswith("pooler."):
            writer.add_tensor(ours, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return unfinished.rename(file)


def _add_bert_parameters(writer: gguf.GGUFWriter, config: dict[str, Any]) -> None:
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)


def _add_word_pieces(writer: gguf.GGUFWriter, vocabulary: list[str]) -> None:
    """Write the vocabulary as llama.cpp has it: a word's start is marked, and not its continuation (`##`)."""
    tokens, types = [], []
    for token in vocabulary:
        is_special = token in _BERT_SPECIAL
        marked = token if token.startswith("[") and token.endswith("]") else f"\u2581{token}"
        tokens.append(token[2:] if token.startswith("##") else marked)
        types.append(gguf.TokenType.CONTROL if is_special else gguf.TokenType.NORMAL)
    types[vocabulary.index("[UNK]")] = gguf.TokenType.UNKNOWN
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_type_count(2)
    writer.add_unk_token_id(vocabulary.index("[UNK]"))
    writer.add_pad_token_id(vocabulary.index("[PAD]"))
    writer.add_sep_token_id(vocabulary.index("[SEP]"))
    writer.add_mask_token_id(vocabulary.index("[MASK]"))
    writer.add_bos_token_id(vocabulary.index("[CLS]"))


def _read_safetensors(file: Path) -> Iterator[tuple[str, "np.ndarray[tuple[int, ...], np.dtype[np.float32]]"]]:
    """Yield name and values of each tensor of 32-bit floats: a length, a JSON header, then the values."""
    raw = file.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    for name, entry in json.loads(raw[8 : 8 + length]).items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            start, end = entry["data_offsets"]
            values = np.frombuffer(raw[8 + length + start : 8 + length + end], dtype="<f4")
            yield name, values.reshape(entry["shape"])
