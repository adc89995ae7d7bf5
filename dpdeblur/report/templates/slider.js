"use strict";
// Each .compare stacks pictures; a range input over them moves the border between two.
for (const compare of document.querySelectorAll(".compare")) {
  const range = compare.querySelector("input[type=range]");
  const place = () => compare.style.setProperty("--at", range.value + "%");
  range.addEventListener("input", place);
  place();
}
for (const group of document.querySelectorAll(".group")) {
  for (const choice of group.querySelectorAll("select")) {
    choice.addEventListener("change", () => {
      for (const image of group.querySelectorAll(".compare img[data-label]")) {
        image.classList.toggle(choice.dataset.side, image.dataset.label === choice.value);
      }
    });
  }
  const over = group.querySelector("input.over");
  over?.addEventListener("change", () => {
    for (const map of group.querySelectorAll("img.map")) map.classList.toggle("on", over.checked);
  });
}
